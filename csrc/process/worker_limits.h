/* SPDX-License-Identifier: MIT
 * How a worker notices that it has served enough (--max-requests) or uses too much memory (--max-worker-rss). It asks
 * the master to be replaced and serves on. */
#ifndef CLUTCH_WORKER_LIMITS_H
#define CLUTCH_WORKER_LIMITS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "inherit.h"

struct worker_limits {
    uint64_t most_requests; /* UINT64_MAX: no limit */
    int64_t most_rss_bytes; /* INT64_MAX: no limit */
    int control_fd;         /* borrowed */
    int32_t number;
    uint64_t serial;
    _Atomic(int64_t) next_look_us; /* at the memory; INT64_MAX: none is needed */
    _Atomic(bool) has_asked;
};

/* Those of this worker, its share of chance included (--max-requests-jitter). */
void worker_limits_init(struct worker_limits *, const struct config *, const struct birth *);

/* Request number `request` of this worker has been served, at that time (clock_now_us). From any app thread; never
 * waits; two comparisons, and once a second a look at the memory, where that has a limit. */
void worker_limits_see(struct worker_limits *, uint64_t request, int64_t now_us);

#endif
