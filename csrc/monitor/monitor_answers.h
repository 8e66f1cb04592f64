/* SPDX-License-Identifier: MIT
 * What the monitor answers: a table of paths, and a gateway in C. */
#ifndef CLUTCH_MONITOR_ANSWERS_H
#define CLUTCH_MONITOR_ANSWERS_H

#include "attrs.h"
#include "buf.h"
#include "health.h"
#include "monitor_metrics.h"
#include "monitor.h"

struct exchange;

struct monitor_answers {
    const struct monitor_task *task; /* borrowed */
    struct health health;
    struct monitor_metrics metrics;
    struct buf text; /* of the latest response */
};

/* 0 or -ENOMEM, with nothing to be freed. */
int monitor_answers_init(struct monitor_answers *, const struct monitor_task *) MUST_CHECK;
void monitor_answers_fini(struct monitor_answers *);

/* Leaves the response to the request in the exchange. Never fails towards the caller. */
void monitor_answers_serve(struct monitor_answers *, struct exchange *);

#endif
