/* SPDX-License-Identifier: MIT
 * A lock in memory that processes share and that not all of them can be trusted with: one word, no address. (A robust
 * mutex of the C library is a member of a list, whose links would be in that memory: who may write there could direct
 * the writes of a process with more rights.) Whatever the word is made to be, others wait for a bounded time. A holder
 * that is killed loses the lock at once, one that is stopped when somebody's patience ends. */
#ifndef CLUTCH_SHARED_LOCK_H
#define CLUTCH_SHARED_LOCK_H

#include <stdatomic.h>
#include <stdint.h>

/* All zero: free. */
struct shared_lock {
    _Atomic(uint32_t) word; /* thread id of the holder; the highest bit: somebody waits */
};

/* Waits until the lock is free, or its holder dead; takes it from a living one after `patience_us` microseconds. Not
 * recursive. */
void shared_lock_take(struct shared_lock *, int64_t patience_us);

/* Nothing when it has been taken from the caller meanwhile. */
void shared_lock_release(struct shared_lock *);

#endif
