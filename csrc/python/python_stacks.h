/* SPDX-License-Identifier: MIT
 * The Python stacks of all threads, dumped by faulthandler into a pipe. The polite way waits for the GIL on the
 * watchdog's thread: no Python thread runs then, and what is read does not change meanwhile. Where the GIL is not to be
 * had, a signal interrupts the main thread, which dumps the stacks in its handler: whoever has the GIL is in C code. */
#ifndef CLUTCH_PYTHON_STACKS_H
#define CLUTCH_PYTHON_STACKS_H

#include "python_api.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "attrs.h"

struct python_stacks {
    int ends[2]; /* owned: a non-blocking pipe; -1 when there is none */
    pthread_t main_thread;
    PyObject *dump; /* owned: faulthandler.dump_traceback */
    _Atomic(uint32_t) state;
};

/* Main thread of a worker, with the GIL, once, after the application has been loaded (and after the zygote's fork).
 * Returns 0, or -1 with an exception. */
int python_stacks_open(struct python_stacks *) MUST_CHECK;

/* Main thread, with the GIL, when nobody will ask any more. */
void python_stacks_close(struct python_stacks *);

/* For the watchdog, with the GIL. */
void python_stacks_dump_if_wanted(struct python_stacks *);

/* gateway_ops.stacks_*, the rest of it. */
void python_stacks_want(struct python_stacks *);
void python_stacks_force(const struct python_stacks *);
bool python_stacks_is_done(struct python_stacks *);
bool python_stacks_drop(struct python_stacks *);

#endif
