/* SPDX-License-Identifier: MIT
 * A thread of the gateway's own, for the little that must be done inside of Python while the app threads are busy.
 * Started when it is first needed: an ordinary worker never has it. */
#ifndef CLUTCH_WATCHDOG_H
#define CLUTCH_WATCHDOG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "attrs.h"

struct gateway;

struct watchdog {
    pthread_t thread;
    bool is_started;
    _Atomic(bool) is_over;
    _Atomic(uint32_t) calls; /* what it sleeps on */
};

/* Has it look at what there is to do, as soon as it gets the GIL. By one thread at a time, without the GIL; never
 * waits. Returns 0, or -1 after logging that it cannot be started. */
int watchdog_call(struct gateway *) MUST_CHECK;

/* Main app thread, with the GIL, which is given up meanwhile: ends it. */
void watchdog_stop(struct gateway *);

#endif
