/* SPDX-License-Identifier: MIT
 * Replacing single workers: the successor, with the same number, is started and becomes ready before the worker is told
 * to end. One at a time in the whole server. Runs in the master. */
#ifndef CLUTCH_RECYCLE_H
#define CLUTCH_RECYCLE_H

#include <stdint.h>

#include "restarts.h"

struct master;
struct slot;

/* The worker in this slot is to be replaced, for this cause, when its turn comes; it serves on until then, and for as
 * long as no successor becomes ready. Nothing for one that does not serve, or has been asked for already. */
void recycle_ask(struct master *, struct slot *, enum restart_cause);

/* After every batch of events: goes on with the replacement that is under way, or begins the next. */
void recycle_step(struct master *);
/* When recycle_step has something to do at the latest; SLOT_NEVER. */
int64_t recycle_next_us(const struct master *);
/* Gives up the one that is under way: a reload replaces all of them. */
void recycle_stop(struct master *);

#endif
