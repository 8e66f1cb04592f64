/* SPDX-License-Identifier: MIT
 * How many requests have been refused, and why: counted in the scoreboard by all workers, for as long as the server
 * lives, whatever becomes of a worker. */
#ifndef CLUTCH_REFUSALS_H
#define CLUTCH_REFUSALS_H

#include <stddef.h>
#include <stdint.h>

#include "h1_reason.h"

struct scoreboard;

/* One more. From any process and thread; never fails, never blocks. */
void refusals_count(struct scoreboard *, enum h1_reason);

/* How many for this reason, and for all of them. From any process. */
uint64_t refusals_of(const struct scoreboard *, enum h1_reason);
uint64_t refusals_total(const struct scoreboard *);

/* Writes "3 requests refused: 2 host_missing, 1 queue_full", most frequent first, cut to whole reasons with ", ..." to
 * fit `size` (from 64 on); "" when there were none. Returns `out`. */
const char *refusals_describe(const struct scoreboard *, char *out, size_t size);

#endif
