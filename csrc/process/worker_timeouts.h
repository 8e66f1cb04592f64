/* SPDX-License-Identifier: MIT
 * What a worker does about requests whose time is over (--request-timeout), after their clients have had an answer: a
 * line and the Python stacks in the log, then clutch.RequestTimeout in the application, and where that does not end the
 * request within --request-timeout-grace, the end of the worker. */
#ifndef CLUTCH_WORKER_TIMEOUTS_H
#define CLUTCH_WORKER_TIMEOUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "attrs.h"
#include "h1_fate.h"

struct config;
struct exchange;
struct h1_server;
struct scoreboard;
struct worker_stacks;
struct worker_threads;
struct worker_timeouts;

/* All borrowed. */
struct worker_timeouts_place {
    const struct config *config;
    struct h1_server *server;
    struct worker_threads *threads;
    struct worker_stacks *stacks; /* NULL: no stacks are to be had */
    struct scoreboard *scoreboard;
    int row;
    void *context; /* of what follows, called by whoever drives */
    /* A request does not end: the worker is to be replaced. Until it returns true. */
    bool (*on_stuck)(void *context);
    /* And now that the worker drains, such requests are all that is left here. Once. */
    void (*on_hopeless)(void *context);
};

/* Before the worker serves. Returns NULL after logging why. */
struct worker_timeouts *worker_timeouts_open(const struct worker_timeouts_place *) MUST_CHECK;
/* When nobody drives any more. */
void worker_timeouts_close(struct worker_timeouts *);

/* h1_observer.on_timeout. */
void worker_timeouts_begin(struct worker_timeouts *, int thread, const struct exchange *, enum h1_fate verdict);
/* Such a request has ended: h1_observer.on_end, on the app thread. */
void worker_timeouts_end(struct worker_timeouts *, int thread);

#endif
