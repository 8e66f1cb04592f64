/* SPDX-License-Identifier: MIT
 * What `clutch status` and `clutch top` show, as lines of printable ASCII: whatever stands in a request, nothing of it
 * reaches the terminal as anything but letters. */
#ifndef CLUTCH_STATUS_VIEW_H
#define CLUTCH_STATUS_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "attrs.h"
#include "buf.h"

struct json_node;

/* Two states of the same server: rates are the differences between them. */
struct status_samples {
    const struct json_node *now;
    const struct json_node *before; /* NULL: there are no rates */
};

/* Each appends lines that end in \n. 0 or -ENOMEM. */
int status_view_server(const struct status_samples *, struct buf *) MUST_CHECK;
int status_view_worker_heading(const struct status_samples *, struct buf *) MUST_CHECK;
/* One line, of an element of `now`'s workers. */
int status_view_worker(const struct status_samples *, const struct json_node *worker, struct buf *) MUST_CHECK;
/* All requests that run, those that have run longest first, `most` lines of them, and how many are left out. */
int status_view_running(const struct status_samples *, size_t most, struct buf *) MUST_CHECK;

/* All of it. */
int status_view_all(const struct status_samples *, struct buf *) MUST_CHECK;

/* Whether both are of one life of the server, so that there are differences. */
bool status_view_are_of_one(const struct json_node *now, const struct json_node *before);

#endif
