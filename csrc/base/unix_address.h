/* SPDX-License-Identifier: MIT
 * Addresses of unix sockets as users write them: `@name` (abstract: it has no file), `unix:PATH`, or a path. */
#ifndef CLUTCH_UNIX_ADDRESS_H
#define CLUTCH_UNIX_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "attrs.h"

struct unix_address {
    struct sockaddr_un socket;
    socklen_t len;
    bool is_abstract;
    const char *name; /* borrowed from the text: the path, or the name with its '@' */
};

/* Takes the text apart. Returns NULL, or what was expected instead: static, fit to follow "expected ". */
const char *unix_address_parse(const char *text, struct unix_address *) MUST_CHECK;

#endif
