/* SPDX-License-Identifier: MIT
 * --warmup: requests that a worker makes to itself before it says that it is ready, so that what an application does at
 * its first request is not done at a client's cost. */
#ifndef CLUTCH_WARMUP_H
#define CLUTCH_WARMUP_H

#include <stdbool.h>
#include <stddef.h>

#include "attrs.h"

struct config_list;
struct h1_server;

struct warmup {
    const struct config_list *paths; /* borrowed */
    struct h1_server *server;        /* borrowed */
    size_t next;                     /* index of the path after the one that is asked for */
    int fd;                          /* owned; -1: none is */
    char status_line[16];            /* the beginning of the answer, so far */
    size_t len;
    void (*on_end)(void *context, bool is_warm);
    void *context;
};

/* Makes the first request; there is a path at least. The rest happens in the loop: when all have been answered, or one
 * with a status of 500 or more or not at all (which is logged), on_end is called once, on whichever thread drives; not
 * at all once the server drains. Before the server's threads are started. 0 or -errno. */
int warmup_begin(struct warmup *, const struct config_list *paths, struct h1_server *,
                 void (*on_end)(void *context, bool is_warm), void *context) MUST_CHECK;

/* Closes what is open. */
void warmup_fini(struct warmup *);

#endif
