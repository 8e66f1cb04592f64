/* SPDX-License-Identifier: MIT
 * A gateway in C: a table of paths, and functions that write what is found there. */
#ifndef CLUTCH_ROUTES_H
#define CLUTCH_ROUTES_H

#include <stddef.h>

#include "attrs.h"
#include "buf.h"

struct exchange;

/* A response to be. */
struct answer {
    int status;
    const char *content_type;
    struct buf *text; /* empty at first */
};

/* What is found at a path. `make` fills the answer, which is 200 and plain text otherwise; -ENOMEM: 500. */
struct route {
    const char *path;
    const char *methods; /* for Allow: parted by ", " */
    int (*make)(void *context, struct exchange *, struct answer *);
};

/* Leaves the response to the request in the exchange. `text` is the caller's, for the latest response. Never fails
 * towards the caller. */
void routes_serve(const struct route *routes, size_t count, void *context, struct buf *text, struct exchange *);

/* Only one word fits: a status and a line of plain text. 0 or -ENOMEM. */
int routes_say(struct answer *, int status, const char *line) MUST_CHECK;

#endif
