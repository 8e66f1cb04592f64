/* SPDX-License-Identifier: MIT
 * Durations counted by their length, in buckets with fixed bounds. One writer; readers at any time. */
#ifndef CLUTCH_HISTOGRAM_H
#define CLUTCH_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#include "attrs.h"

/* Upper bounds: BOUND(microseconds, "seconds"). The last bucket, behind them, has none. */
#define HISTOGRAM_BOUNDS                                                                                               \
    BOUND(1000, "0.001")                                                                                               \
    BOUND(2500, "0.0025")                                                                                              \
    BOUND(5000, "0.005")                                                                                               \
    BOUND(10000, "0.01")                                                                                               \
    BOUND(25000, "0.025")                                                                                              \
    BOUND(50000, "0.05")                                                                                               \
    BOUND(75000, "0.075")                                                                                              \
    BOUND(100000, "0.1")                                                                                               \
    BOUND(250000, "0.25")                                                                                              \
    BOUND(500000, "0.5")                                                                                               \
    BOUND(750000, "0.75")                                                                                              \
    BOUND(1000000, "1.0")                                                                                              \
    BOUND(2500000, "2.5")                                                                                              \
    BOUND(5000000, "5.0")                                                                                              \
    BOUND(7500000, "7.5")                                                                                              \
    BOUND(10000000, "10.0")                                                                                            \
    BOUND(30000000, "30.0")                                                                                            \
    BOUND(60000000, "60.0")

#define BOUND(us, text) +1
enum { HISTOGRAM_BUCKETS = HISTOGRAM_BOUNDS + 1 };
#undef BOUND

struct histogram {
    _Atomic(uint64_t) counts[HISTOGRAM_BUCKETS]; /* each without those below */
    _Atomic(uint64_t) sum_us;
};

/* A copy for reading, or a sum of several. */
struct histogram_sum {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t sum_us;
};

/* The bucket of a duration: the first whose bound is not below it. */
unsigned histogram_bucket(int64_t duration_us);

enum { HISTOGRAM_SHORT_US = 1000 }; /* the first bound */

/* The bound of a bucket but the last, in seconds, as text. Static. */
const char *histogram_bound(unsigned bucket);
/* The same in microseconds; INT64_MAX for the last. */
int64_t histogram_bound_us(unsigned bucket);

/* Adds to a number that has one writer: no need to lock the bus. */
static inline void histogram_increase(_Atomic(uint64_t) *number, uint64_t amount)
{
    atomic_store_explicit(number, atomic_load_explicit(number, memory_order_relaxed) + amount, memory_order_relaxed);
}

/* Counts a duration; one below zero is none. By the owner alone. */
static inline void histogram_add(struct histogram *histogram, int64_t duration_us)
{
    unsigned bucket = LIKELY(duration_us <= HISTOGRAM_SHORT_US) ? 0 : histogram_bucket(duration_us);

    histogram_increase(&histogram->counts[bucket], 1);
    if (LIKELY(duration_us > 0))
        histogram_increase(&histogram->sum_us, (uint64_t)duration_us);
}

/* Adds what has been counted so far. From any process. */
void histogram_add_to_sum(const struct histogram *, struct histogram_sum *);

#endif
