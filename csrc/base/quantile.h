/* SPDX-License-Identifier: MIT
 * What half of all durations, or nine of ten, did not exceed: an estimate from how many fell into which bucket. */
#ifndef CLUTCH_QUANTILE_H
#define CLUTCH_QUANTILE_H

#include <stddef.h>
#include <stdint.h>

/* Bucket i holds counts[i] durations of up to bounds_us[i], and of more than the bound before; the last has no bound
 * (its element is not read). `permille` from 1 to 1000: 500 is the median. Durations are taken to be spread evenly in
 * a bucket; those of the last are said to be as long as the bound before. Returns microseconds, or -1 when there are
 * none. */
int64_t quantile_us(const int64_t *bounds_us, const uint64_t *counts, size_t count, unsigned permille);

#endif
