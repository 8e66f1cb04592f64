/* SPDX-License-Identifier: MIT
 * What the workers and the zygote tell the master: messages of fixed size through one pipe that all of them share. */
#ifndef CLUTCH_NOTICE_H
#define CLUTCH_NOTICE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attrs.h"

enum notice_kind {
    NOTICE_SPAWNED,      /* the zygote has forked a worker; `pid` is its process id */
    NOTICE_SPAWN_FAILED, /* the zygote could not fork; already logged */
    NOTICE_READY,        /* it serves; the zygote: the application is loaded */
    NOTICE_BOOT_FAILED,  /* the application could not be loaded; already logged; the process ends by itself */
    NOTICE_DRAINING,     /* a worker was told by a signal to end */
};

struct notice {
    uint64_t serial; /* of the spawn it belongs to: a notice of a predecessor in the same slot is told by it */
    int32_t number;  /* of the worker; 0: the zygote */
    int32_t pid;
    uint32_t kind; /* enum notice_kind */
    uint32_t reserved;
};

_Static_assert(sizeof(struct notice) <= PIPE_BUF, "a notice is written atomically");

/* From a worker or the zygote, about the calling process (`pid` 0) or another one. Waits if the pipe is full; when the
 * master has gone nobody is interested. */
void notice_send(int notify_fd, enum notice_kind, int number, uint64_t serial, pid_t pid);

/* The next notice of the non-blocking pipe; false when there is none. */
bool notice_receive(int notify_fd, struct notice *) MUST_CHECK;

#endif
