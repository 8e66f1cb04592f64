/* SPDX-License-Identifier: MIT
 * Children that the application forks. What they do inside of the application is its own affair; one that comes back
 * out of it, by returning or by sys.exit(), must end there: it is no worker, and its parent answers the request. */
#ifndef CLUTCH_STRAY_H
#define CLUTCH_STRAY_H

#include <stdbool.h>

#include "attrs.h"

struct gateway;

/* From now on children of this process are known for what they are. Call it once. Returns 0, or -errno. */
int stray_watch(void) MUST_CHECK;

/* The calling process, a worker just forked, is the server's own. */
void stray_adopt(void);

/* Whether this process is a child that the application forked. Costs no system call. */
bool stray_is_here(void);

/* Ends such a child with its output flushed, as sys.exit() says if that is the exception that is set: with status 0
 * when there is none, and 1, after logging it, when it is another. Exit handlers are the parent's to run. Requires the
 * GIL. */
NORETURN void stray_end(struct gateway *);

/* The same for whoever may be either: returns in any process that is no such child. To be called wherever control comes
 * back from Python code before anything is sent, waited for, or served. Requires the GIL. */
static inline void stray_end_if_here(struct gateway *gateway)
{
    if (UNLIKELY(stray_is_here()))
        stray_end(gateway);
}

#endif
