/* SPDX-License-Identifier: MIT
 * --liveness-timeout: a worker whose loop in C does not answer is killed and replaced. It is asked three times in that
 * time, over its channel, and answers with a beat in its row, also while its Python is stuck: what cannot answer is a
 * process that is stopped, or hangs in the kernel, or has lost its loop. In the master. */
#ifndef CLUTCH_LIVENESS_H
#define CLUTCH_LIVENESS_H

#include <stdint.h>

struct master;

/* Asks all workers that serve, if it is time to, and kills who has not answered. */
void liveness_step(struct master *, int64_t now_us);
/* When liveness_step has something to do; SLOT_NEVER when there is no limit. */
int64_t liveness_next_us(const struct master *);

#endif
