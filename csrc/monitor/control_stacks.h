/* SPDX-License-Identifier: MIT
 * The Python stacks of workers, asked for and waited for: `clutch stacks`. */
#ifndef CLUTCH_CONTROL_STACKS_H
#define CLUTCH_CONTROL_STACKS_H

#include "attrs.h"
#include "buf.h"

struct control_answers;

/* Asks all workers, or (`number` above 0) those of one number; waits for a second at most; appends an object with what
 * each of them has answered. 0 or -ENOMEM. */
int control_stacks_write(struct control_answers *, int number, struct buf *text) MUST_CHECK;

#endif
