/* SPDX-License-Identifier: MIT
 * Reloads as seen by the monitor: asked for, and watched. `clutch reload`. */
#ifndef CLUTCH_CONTROL_RELOAD_H
#define CLUTCH_CONTROL_RELOAD_H

#include "attrs.h"
#include "buf.h"

struct monitor_task;

/* Asks the master; appends how things stood before. 0 or -ENOMEM. */
int control_reload_ask(const struct monitor_task *, struct buf *text) MUST_CHECK;
/* Appends how they stand. The same. */
int control_reload_write(const struct monitor_task *, struct buf *text) MUST_CHECK;

#endif
