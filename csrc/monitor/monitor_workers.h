/* SPDX-License-Identifier: MIT
 * The figures of each worker, by its number. */
#ifndef CLUTCH_MONITOR_WORKERS_H
#define CLUTCH_MONITOR_WORKERS_H

#include "attrs.h"
#include "exposition.h"
#include "monitor_metrics.h"

/* Appends them. Two processes with one number, a worker and its successor, count as one. 0 or -ENOMEM. */
int monitor_metrics_write_workers(struct monitor_metrics *, struct exposition *) MUST_CHECK;

#endif
