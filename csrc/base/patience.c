/* SPDX-License-Identifier: MIT */
#include "patience.h"

static int64_t not_before(int64_t since_us, int64_t now_us)
{
    int64_t first_us = now_us - (int64_t)PATIENCE_MOST_US * PATIENCE_SHARE;

    return since_us > first_us ? since_us : first_us;
}

int64_t patience_left_us(const struct patience *patience, int64_t now_us)
{
    return (now_us - not_before(atomic_load(&patience->since_us), now_us)) / PATIENCE_SHARE;
}

void patience_use(struct patience *patience, int64_t now_us, int64_t waited_us)
{
    int64_t since_us = atomic_load(&patience->since_us);

    while (!atomic_compare_exchange_weak(&patience->since_us, &since_us,
                                         not_before(since_us, now_us) + waited_us * PATIENCE_SHARE))
        ;
}
