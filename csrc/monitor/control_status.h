/* SPDX-License-Identifier: MIT
 * The state of the server as JSON, for `clutch status` and `clutch top`. */
#ifndef CLUTCH_CONTROL_STATUS_H
#define CLUTCH_CONTROL_STATUS_H

#include "attrs.h"
#include "buf.h"
#include "json_write.h"

struct monitor_view;
struct worker_memory;

/* Appends one object. 0 or -ENOMEM. */
int control_status_write(const struct monitor_view *, struct worker_memory *, struct buf *text) MUST_CHECK;

/* Appends an array "running" with an object for each request that the worker in this row runs. `now_us` is
 * clock_now_us(). */
void control_status_write_running(const struct monitor_view *, int row, int64_t now_us, struct json *);

/* "ready". Static; "?" for nonsense. */
const char *control_status_state(int state);

#endif
