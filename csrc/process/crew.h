/* SPDX-License-Identifier: MIT
 * All processes that the master looks after: the workers of the generation that serves, those of one that is to follow
 * or has served before, and with --preload the zygote of each. Book-keeping only, in the master. */
#ifndef CLUTCH_CREW_H
#define CLUTCH_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "attrs.h"
#include "slot.h"

enum { CREW_ZYGOTES = 8 }; /* most at a time */

struct crew {
    struct slot *slots; /* owned; slots[n] is that of the worker in row n; behind them are the zygotes' */
    int row_count;
    bool has_zygotes; /* every generation has one */
};

/* How many workers a server that starts with so many may have at most, and how many rows that takes: each may have its
 * successor beside it. */
int crew_most_workers(int worker_count);
int crew_row_count(int worker_count);

/* Makes a crew of free slots. 0 or -ENOMEM. */
int crew_init(struct crew *, int row_count, bool has_zygotes) MUST_CHECK;
/* Closes the descriptors of the slots and frees them. */
void crew_fini(struct crew *);

/* Takes a free slot, the lowest, for worker `number` (0: a zygote); its first attempt is due at once. NULL: no room. */
struct slot *crew_add(struct crew *, int number, int generation, int64_t now_us);
/* The slot is free from now on; no process is in it. */
void crew_remove(struct slot *);
/* How many more workers there is room for. */
int crew_room(const struct crew *);
/* All rows in use are below. */
int crew_row_end(const struct crew *);

/* The slots in use, in order; NULL: no more. */
struct slot *crew_first(const struct crew *);
struct slot *crew_next(const struct crew *, const struct slot *);
/* How many slots there are, used or not. */
size_t crew_size(const struct crew *);

/* The slot of a process, or NULL. */
struct slot *crew_find_pid(const struct crew *, pid_t pid);
/* The slot of a worker that is said to be this process, while nobody could tell; or NULL. */
struct slot *crew_find_told(const struct crew *, pid_t pid);
/* The slot of worker `number` (0: the zygote) while the process `serial` is in it, or NULL: a message from the past. */
struct slot *crew_find_serial(const struct crew *, int number, uint64_t serial);
/* The zygote of a generation, or NULL. */
struct slot *crew_find_zygote(const struct crew *, int generation);

/* How many workers this generation is to have: those in whose slots somebody is to follow, without successors that are
 * still on their way. */
int crew_count(const struct crew *, int generation);
/* How many of its processes are there, those included that were told to end. */
int crew_count_taken(const struct crew *, int generation);
/* Whether every one of them is in this state now, and there is one. */
bool crew_are_all(const struct crew *, int generation, enum slot_state);
/* Whether no process is left. */
bool crew_is_empty(const struct crew *);
/* Whether everything tried at the start has failed: no worker of this generation has ever been ready, and each has
 * failed at least once (or the zygote has, without which there is none). Trying again would be hiding the mistake. */
bool crew_is_hopeless(const struct crew *, int generation);

/* Whether a process is due to be started in this slot: the time has come, and a worker's zygote is there. */
bool crew_is_due(const struct crew *, const struct slot *, int64_t now_us);
/* The next moment at which something is due; SLOT_NEVER. When nothing is to be started (`may_start` false) only
 * deadlines count. */
int64_t crew_next_us(const struct crew *, bool may_start);

#endif
