/* SPDX-License-Identifier: MIT */
#include "quantile.h"

int64_t quantile_us(const int64_t *bounds_us, const uint64_t *counts, size_t count, unsigned permille)
{
    uint64_t total = 0;
    double rank, before = 0;

    for (size_t i = 0; i < count; i++)
        total += counts[i];
    if (total == 0)
        return -1;
    rank = (double)total * permille / 1000;
    for (size_t i = 0; i + 1 < count; i++) {
        int64_t least_us = i > 0 ? bounds_us[i - 1] : 0;

        if (counts[i] > 0 && before + (double)counts[i] >= rank)
            return least_us + (int64_t)((double)(bounds_us[i] - least_us) * (rank - before) / (double)counts[i]);
        before += (double)counts[i];
    }
    return count > 1 ? bounds_us[count - 2] : 0;
}
