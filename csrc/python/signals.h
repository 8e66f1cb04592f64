/* SPDX-License-Identifier: MIT
 * Signal handlers of the application. CPython's C handler only notes a signal; the Python function runs when the main
 * thread next runs bytecode, which on an idle worker may be never. A wakeup descriptor tells the loop to let it run. */
#ifndef CLUTCH_SIGNALS_H
#define CLUTCH_SIGNALS_H

#include "python_api.h"

#include "attrs.h"

struct errors;

struct signals {
    int ends[2]; /* owned: a non-blocking pipe; -1 when there is none */
};

/* Makes the pipe and has CPython write to it. Main thread, with the GIL. Returns 0, or -1 with an exception. */
int signals_init(struct signals *) MUST_CHECK;

/* A forked process needs a pipe of its own. Main thread, with the GIL. Returns 0, or -1 with an exception. */
int signals_renew(struct signals *) MUST_CHECK;

/* Main thread, with the GIL. */
void signals_fini(struct signals *);

/* Empties the pipe and runs the handlers; an exception out of one is logged. Main thread, with the GIL. */
void signals_run_handlers(struct signals *, const struct errors *);

#endif
