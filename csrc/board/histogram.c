/* SPDX-License-Identifier: MIT */
#include "histogram.h"

#define BOUND(us, text) us,
static const int64_t bounds_us[] = {HISTOGRAM_BOUNDS INT64_MAX};
#undef BOUND

#define BOUND(us, text) text,
static const char *const bound_texts[] = {HISTOGRAM_BOUNDS};
#undef BOUND

/* Where to begin to look, by the highest bit of a duration: no bucket before holds any as long. The first bound is
 * below 2^10, the last below 2^26. */
static const unsigned char first_buckets[] = {
    [9] = 0,  [10] = 0,  [11] = 1,  [12] = 2,  [13] = 3,  [14] = 4,  [15] = 5,  [16] = 6,  [17] = 8,
    [18] = 9, [19] = 10, [20] = 12, [21] = 12, [22] = 13, [23] = 15, [24] = 16, [25] = 17,
};

unsigned histogram_bucket(int64_t duration_us)
{
    unsigned bucket, highest_bit;

    if (LIKELY(duration_us <= bounds_us[0]))
        return 0;
    highest_bit = 63 - (unsigned)__builtin_clzll((unsigned long long)duration_us);
    if (highest_bit >= ARRAY_COUNT(first_buckets))
        return HISTOGRAM_BUCKETS - 1;
    bucket = first_buckets[highest_bit];
    while (duration_us > bounds_us[bucket])
        bucket++;
    return bucket;
}

const char *histogram_bound(unsigned bucket)
{
    return bound_texts[bucket];
}

int64_t histogram_bound_us(unsigned bucket)
{
    return bounds_us[bucket];
}

void histogram_add_to_sum(const struct histogram *histogram, struct histogram_sum *sum)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        sum->counts[i] += atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
    sum->sum_us += atomic_load_explicit(&histogram->sum_us, memory_order_relaxed);
}
