/* SPDX-License-Identifier: MIT
 * A lock in memory that processes share and that not all of them can be trusted with: one word, no address. (A robust
 * mutex of the C library is a member of a list, whose links would be in that memory: who may write there could direct
 * the writes of a process with more rights.) Whatever the word is made to be, others wait for a bounded time. A holder
 * that is killed loses the lock to who asks next, one that keeps it for seconds (it is stopped) to whoever asks then.
 */
#ifndef CLUTCH_SHARED_LOCK_H
#define CLUTCH_SHARED_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Nobody who is not stopped may keep the lock for this long. */
enum { SHARED_LOCK_STALE_S = 4 };

/* All zero: free. */
struct shared_lock {
    _Atomic(uint32_t) word; /* who has it, and since when */
};

/* Takes the lock if it is free. Returns a mark as below, or 0. No system call. */
uint32_t shared_lock_try(struct shared_lock *);

/* Waits for the lock, at most `patience_us` microseconds. Returns a mark for the two functions below, or 0: somebody
 * has it still. Not recursive. No system call when it is free. */
uint32_t shared_lock_take(struct shared_lock *, int64_t patience_us);

/* Whether it has not been taken from the caller meanwhile. */
bool shared_lock_is_held(const struct shared_lock *, uint32_t mark);

/* Nothing when it has been taken from the caller meanwhile. */
void shared_lock_release(struct shared_lock *, uint32_t mark);

#endif
