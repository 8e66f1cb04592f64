/* SPDX-License-Identifier: MIT
 * What a server counts of its connections while it works, where others can read it at any time: shared memory, say.
 * Plain stores of whoever drives; a reader may see a moment between two of them. */
#ifndef CLUTCH_H1_COUNTS_H
#define CLUTCH_H1_COUNTS_H

#include <stdatomic.h>
#include <stdint.h>

/* What a connection waits for. */
enum h1_wait {
    WAIT_NONE, /* a request of it runs, or it has just been accepted */
    WAIT_HEAD,
    WAIT_BODY,
    WAIT_SEND,
    WAIT_KEEP_ALIVE,
    WAIT_QUEUE,
    WAIT_LINGER,
    WAIT_COUNT
};

struct h1_counts {
    _Alignas(64) _Atomic(int32_t) waiting[WAIT_COUNT]; /* connections now, by what they wait for; not of WAIT_NONE */
    _Atomic(uint64_t) accepted;                        /* connections from a listener */
    _Atomic(uint64_t) given;                           /* requests that went into the queue of all workers */
    _Atomic(uint64_t) taken;                           /* requests out of it; of all app threads */
};

/* One more; for counts with one writer at a time. */
static inline void h1_count(_Atomic(uint64_t) *count)
{
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* A connection that waited for this waits for that. */
static inline void h1_counts_move(struct h1_counts *counts, enum h1_wait from, enum h1_wait to)
{
    _Atomic(int32_t) *less = &counts->waiting[from], *more = &counts->waiting[to];

    if (from == to)
        return;
    if (from != WAIT_NONE)
        atomic_store_explicit(less, atomic_load_explicit(less, memory_order_relaxed) - 1, memory_order_relaxed);
    if (to != WAIT_NONE)
        atomic_store_explicit(more, atomic_load_explicit(more, memory_order_relaxed) + 1, memory_order_relaxed);
}

#endif
