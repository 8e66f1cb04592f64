/* SPDX-License-Identifier: MIT
 * One worker more or less while the server runs (SIGTTIN, SIGTTOU). Runs in the master. */
#ifndef CLUTCH_SCALE_H
#define CLUTCH_SCALE_H

struct master;

/* By so many (+1, -1): now, or when the reload that is under way is over. Ignored while the server stops. */
void scale_ask(struct master *, int difference);
/* After every batch of events: does what has been asked for. */
void scale_step(struct master *);

#endif
