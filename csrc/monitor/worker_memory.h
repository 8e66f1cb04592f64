/* SPDX-License-Identifier: MIT
 * How much memory the workers take, as /proc says: resident, and their part of it where it is shared. The second costs
 * the kernel a walk over all pages of a process, so a look takes only so long: who is not reached in it keeps the
 * figures of before and comes first the next time. */
#ifndef CLUTCH_WORKER_MEMORY_H
#define CLUTCH_WORKER_MEMORY_H

#include <stdint.h>
#include <sys/types.h>

#include "attrs.h"

struct scoreboard;

/* Of the worker in one row. */
struct worker_memory_figures {
    pid_t pid; /* of whom; 0: nobody */
    int64_t resident_bytes;
    int64_t proportional_bytes; /* 0: not known: the kernel tells it only to a process that could trace the worker */
};

struct worker_memory {
    int row_count;
    int next_row;                       /* the first to be looked at in full */
    struct worker_memory_figures *rows; /* owned */
};

/* 0 or -ENOMEM. */
int worker_memory_init(struct worker_memory *, int row_count) MUST_CHECK;
void worker_memory_fini(struct worker_memory *);

/* Looks at all workers; at their parts of what is shared until `budget_us` are over. */
void worker_memory_look(struct worker_memory *, const struct scoreboard *, int64_t budget_us);

#endif
