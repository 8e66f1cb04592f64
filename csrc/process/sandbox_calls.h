/* SPDX-License-Identifier: MIT
 * The seccomp filter of --sandbox: a program for the kernel that refuses the system calls which no WSGI application
 * needs and which attacks on the kernel and on other processes begin with. Everything else is allowed: what an
 * application does need, nobody can list beforehand. Refused calls fail with an error; none kills the process.
 * Limits, priorities and processors a thread may choose for itself alone, by the pid 0: prlimit64, setpriority,
 * ioprio_set, sched_setaffinity and its like with any other pid, be it its own, fail with EPERM. */
#ifndef CLUTCH_SANDBOX_CALLS_H
#define CLUTCH_SANDBOX_CALLS_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

#include "attrs.h"

enum { SANDBOX_CALLS_MOST = 160 }; /* instructions; a jump reaches 255 of them */

struct sandbox_calls {
    struct sock_filter program[SANDBOX_CALLS_MOST];
    size_t length;     /* instructions */
    int refused_count; /* system calls that are refused whatever their arguments */
};

/* Writes the program. `may_execute`: whether programs may be started (execve). False where this processor is not
 * known to us. */
bool sandbox_calls_build(struct sandbox_calls *, bool may_execute) MUST_CHECK;

/* Whether the kernel has what the program needs. */
bool sandbox_calls_are_supported(void) MUST_CHECK;

/* Puts the calling thread, and what it starts from now on, under the program; PR_SET_NO_NEW_PRIVS must be set. For a
 * process with one thread. 0 or -errno. */
int sandbox_calls_enter(struct sandbox_calls *) MUST_CHECK;

#endif
