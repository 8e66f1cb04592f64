/* SPDX-License-Identifier: MIT
 * All figures of the server, as text for Prometheus. METRICS.md lists them. */
#ifndef CLUTCH_MONITOR_METRICS_H
#define CLUTCH_MONITOR_METRICS_H

#include "attrs.h"
#include "buf.h"
#include "worker_memory.h"
#include "monitor.h"

struct monitor_metrics {
    const struct monitor_view *view; /* borrowed */
    struct worker_memory memory;
    uint64_t *busy_us; /* owned; of each worker, by number: what was told last, below which no counter goes */
};

/* 0 or -ENOMEM, with nothing to be freed. */
int monitor_metrics_init(struct monitor_metrics *, const struct monitor_view *) MUST_CHECK;
void monitor_metrics_fini(struct monitor_metrics *);

/* Appends everything. Takes some milliseconds; never waits for a worker. 0 or -ENOMEM. */
int monitor_metrics_write(struct monitor_metrics *, struct buf *) MUST_CHECK;

#endif
