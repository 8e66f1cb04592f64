/* SPDX-License-Identifier: MIT
 * clutch top --batch: one view after the other on standard output. */
#ifndef CLUTCH_TOP_BATCH_H
#define CLUTCH_TOP_BATCH_H

struct control_arguments;

/* Returns the exit status. */
int top_batch_run(const struct control_arguments *);

#endif
