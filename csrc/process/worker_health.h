/* SPDX-License-Identifier: MIT
 * --health-path: a worker's answers to /livez, /readyz and /startupz. */
#ifndef CLUTCH_WORKER_HEALTH_H
#define CLUTCH_WORKER_HEALTH_H

#include "h1_answer.h"
#include "health.h"

struct birth;
struct inherit;

struct worker_health {
    struct health health;
    struct h1_answerer answerer; /* for h1_settings */
};

/* Stays where it is from then on; borrows both. */
void worker_health_init(struct worker_health *, const struct inherit *, const struct birth *);

#endif
