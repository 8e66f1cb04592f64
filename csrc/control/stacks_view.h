/* SPDX-License-Identifier: MIT
 * The stacks of workers as lines of printable ASCII. */
#ifndef CLUTCH_STACKS_VIEW_H
#define CLUTCH_STACKS_VIEW_H

#include "attrs.h"
#include "buf.h"

struct json_node;

/* Appends what /stacks has answered. 0 or -ENOMEM. */
int stacks_view_all(const struct json_node *root, struct buf *) MUST_CHECK;

#endif
