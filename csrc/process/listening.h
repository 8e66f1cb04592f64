/* SPDX-License-Identifier: MIT
 * Where the master's listeners come from: the server that it follows, a service manager, or it opens them itself. */
#ifndef CLUTCH_LISTENING_H
#define CLUTCH_LISTENING_H

#include <stddef.h>

#include "attrs.h"
#include "passing.h"

struct config_list;
struct master;
struct socket_file_access;

/* What sockets are opened for, and how. */
struct listening {
    enum passed_kind kind;
    const char *option;  /* "--bind" */
    const char *purpose; /* "listening", for the log */
    const struct config_list *addresses;
    const struct socket_file_access *access;
    int backlog;
};

/* Gets all listeners of the master and its monitor. Returns 0, or -1 after writing to `error` (size bytes) what is
 * wrong. */
int listening_open_all(struct master *, char *error, size_t size) MUST_CHECK;

#endif
