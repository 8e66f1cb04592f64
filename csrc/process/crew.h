/* SPDX-License-Identifier: MIT
 * All processes that the master looks after: the workers and, with --preload, the zygote. Book-keeping only, in the
 * master. */
#ifndef CLUTCH_CREW_H
#define CLUTCH_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "attrs.h"
#include "slot.h"

struct crew {
    struct slot *slots; /* owned; slots[0] is the zygote's, slots[n] that of worker n */
    int worker_count;
    bool has_zygote;
};

/* Makes empty slots, due at once. 0 or -ENOMEM. */
int crew_init(struct crew *, int worker_count, bool has_zygote, int64_t now_us) MUST_CHECK;
/* Closes the descriptors of the slots and frees them. */
void crew_fini(struct crew *);

/* The slots in use, in order: first <= slot < end. */
struct slot *crew_first(const struct crew *);
struct slot *crew_end(const struct crew *);

/* The slot of a process, or NULL. */
struct slot *crew_find_pid(const struct crew *, pid_t pid);
/* The slot of worker `number` (0: the zygote) while the process `serial` is in it, or NULL: a message from the past. */
struct slot *crew_find_serial(const struct crew *, int number, uint64_t serial);

/* Whether every worker is ready now. */
bool crew_is_ready(const struct crew *);
/* Whether no process is left. */
bool crew_is_empty(const struct crew *);
/* Whether everything tried at the start has failed: no worker has ever been ready, and each has failed at least once
 * (or the zygote has, without which there is none). Trying again would be hiding the mistake. */
bool crew_is_hopeless(const struct crew *);

/* Whether a process is due to be started in this slot: the time has come, and a worker's zygote is there. */
bool crew_is_due(const struct crew *, const struct slot *, int64_t now_us);
/* The next moment at which something is due; SLOT_NEVER. When nothing is to be started (`may_start` false) only
 * deadlines count. */
int64_t crew_next_us(const struct crew *, bool may_start);

#endif
