/* SPDX-License-Identifier: MIT
 * The interpreter of this process: its start, its end, and the only way into and out of the GIL. */
#ifndef CLUTCH_RUNTIME_H
#define CLUTCH_RUNTIME_H

#include "python_api.h"

#include <stdatomic.h>

#include "attrs.h"

struct config;

/* Starts CPython (PyConfig from the isolated defaults, opened to the PYTHON* variables), with the virtual environment
 * of the config and sys.argv; no signal handler is installed. Call it once, from the thread that shall be Python's main
 * thread; it holds the GIL afterwards. Returns 0, or -1 after logging why. */
int runtime_start(const struct config *config) MUST_CHECK;

/* Ends it: waits for the application's non-daemon threads, runs atexit handlers, flushes. The main thread, with the
 * GIL, which is gone afterwards. Failures are logged. */
void runtime_stop(void);

/* Has faulthandler write to the error log, at a crash and at STACKS_SIGNAL. Requires the GIL. Returns 0, or -1 with an
 * exception. */
int runtime_show_crashes(void) MUST_CHECK;

/* The release of the linked Python as text, "3.11.7"; static storage. Only its last number can differ from the
 * headers'. */
const char *runtime_release(void);

/* Takes the GIL for the calling thread, whose state this is; waits as long as others hold it. */
static inline void runtime_enter(PyThreadState *state)
{
    PyEval_RestoreThread(state);
}

/* The same, counted in *waiters for as long as it waits; NULL: not counted. */
static inline void runtime_enter_counted(PyThreadState *state, _Atomic(int) *waiters)
{
    if (waiters != NULL)
        atomic_fetch_add_explicit(waiters, 1, memory_order_relaxed);
    runtime_enter(state);
    if (waiters != NULL)
        atomic_fetch_sub_explicit(waiters, 1, memory_order_relaxed);
}

/* Gives the GIL up; returns the state to come back with. Touch no object in between. */
static inline PyThreadState *runtime_leave(void) MUST_CHECK;
static inline PyThreadState *runtime_leave(void)
{
    return PyEval_SaveThread();
}

#endif
