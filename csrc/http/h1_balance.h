/* SPDX-License-Identifier: MIT
 * Even load: how busy this worker is, and when it gives a request that it could run itself to a sibling, connection and
 * all. The sentry samples about every millisecond while the worker is busy; an idle worker costs nothing. */
#ifndef CLUTCH_H1_BALANCE_H
#define CLUTCH_H1_BALANCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct h1_server;

struct h1_balance {
    /* The sentry's. */
    uint32_t tick_count, waits_before;
    uint32_t load;            /* moving average */
    uint64_t requests_before; /* at the last look at the siblings */
    /* Of any thread. */
    _Atomic(uint32_t) to_shed;       /* requests to give away in the next time */
    _Atomic(uint32_t) old_batch;     /* number of the batch of events that has lasted for longer than a tick; 0: none */
    _Atomic(uint32_t) largest_batch; /* of events, since the last look at the siblings */
    uint32_t turn;                   /* of whoever drives: every second request of an old batch goes */
};

/* From the sentry, about every millisecond while the worker is busy. */
void h1_balance_tick(struct h1_server *);
/* From the sentry, before it goes to sleep: the worker is idle, and is seen so until the next tick. */
void h1_balance_rest(struct h1_server *);
/* Says to the siblings how busy the worker is: all its app threads are running requests, or it has come to rest. */
void h1_balance_set_load(struct h1_server *, uint32_t load);
/* Notes the size of a new batch. */
void h1_balance_see_batch(struct h1_server *);
/* Whether the request that is ready should go to a sibling that is idle now. */
bool h1_balance_sheds(struct h1_server *);

#endif
