/* SPDX-License-Identifier: MIT
 * Why workers have ended that were not to end with the server: RESTART(name, "label"). Counted by the master. */
#ifndef CLUTCH_RESTARTS_H
#define CLUTCH_RESTARTS_H

#include <stdint.h>

struct scoreboard;

#define RESTART_CAUSES                                                                                                 \
    RESTART(EXIT, "exit")                 /* by itself: the application called exit, or a signal told it to */         \
    RESTART(SIGNAL, "signal")             /* killed by a signal of others, or a crash */                               \
    RESTART(OOM, "oom")                   /* killed by the kernel for want of memory */                                \
    RESTART(BOOT_FAILURE, "boot_failure") /* the application could not be loaded */                                    \
    RESTART(BOOT_TIMEOUT, "boot_timeout") /* or not in time */                                                         \
    RESTART(LIVENESS, "liveness")         /* gave no sign of life */                                                   \
    RESTART(REQUEST_TIMEOUT, "request_timeout")                                                                        \
    RESTART(DRAIN_TIMEOUT, "drain_timeout") /* was told to end, and did not in time */                                 \
    RESTART(MAX_REQUESTS, "max_requests")                                                                              \
    RESTART(RSS, "rss")                                                                                                \
    RESTART(AGE, "age")                                                                                                \
    RESTART(RELOAD, "reload")

#define RESTART(name, label) RESTART_##name,
enum restart_cause { RESTART_CAUSES RESTART_COUNT };
#undef RESTART

/* Static. */
const char *restarts_label(enum restart_cause);

/* One more. For the master; never fails. */
void restarts_count(const struct scoreboard *, enum restart_cause);
/* From any process. */
uint64_t restarts_of(const struct scoreboard *, enum restart_cause);

#endif
