/* SPDX-License-Identifier: MIT
 * Stacks of a worker's Python threads on demand, while Python may be stuck: asked for by STACKS_SIGNAL or by the worker
 * itself, dumped by the gateway, collected by whoever drives the loop, and written to the log or to the board. */
#ifndef CLUTCH_WORKER_STACKS_H
#define CLUTCH_WORKER_STACKS_H

#include <stdbool.h>

#include "attrs.h"

struct gateway;
struct gateway_ops;
struct h1_server;
struct scoreboard;
struct worker_stacks;

/* Whom the stacks are of, and where they go; all borrowed. */
struct worker_stacks_place {
    const struct gateway_ops *ops;
    struct gateway *gateway;
    struct h1_server *server;
    struct scoreboard *scoreboard;
    int row;
};

/* On the main app thread of the worker, before it serves; takes the signal. Returns NULL after logging why. */
struct worker_stacks *worker_stacks_open(const struct worker_stacks_place *) MUST_CHECK;
/* When nobody drives any more. */
void worker_stacks_close(struct worker_stacks *);

/* Whoever drives: has the stacks written to the log and to the board, then calls `on_end`, in the loop: also when there
 * are none to be had. NULL: nobody is told. The same call twice is one dump. */
void worker_stacks_log(struct worker_stacks *, void (*on_end)(void *context), void *context);

#endif
