/* SPDX-License-Identifier: MIT
 * Sockets that the master opens and the workers accept from. */
#ifndef CLUTCH_LISTENER_H
#define CLUTCH_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "attrs.h"

struct listener {
    int fd;               /* owned; non-blocking, close-on-exec */
    bool is_unix;
    char server_name[64]; /* SERVER_NAME: the address as text; "localhost" for a unix socket */
    char server_port[6];  /* SERVER_PORT: decimal, the real one when 0 was asked for; "" for a unix socket */
    char path[108];       /* of a unix socket, to be removed at the end */
    char url[160];        /* "http://127.0.0.1:8000", "unix:/run/app.sock" */
};

/* Opens one address: HOST:PORT, :PORT (all addresses), [IPV6]:PORT, unix:PATH. A stale unix socket that nobody answers is
 * replaced. Returns 0, or -1 after writing to `error` (size bytes) what is wrong with `address` and what was expected. */
int listener_open(struct listener *, const char *address, int backlog, char *error, size_t size) MUST_CHECK;
void listener_close(struct listener *);

#endif
