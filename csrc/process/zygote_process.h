/* SPDX-License-Identifier: MIT
 * The zygote (--preload): a process that loads the application and then does nothing but fork workers when the master
 * orders them. The workers become children of the master: it is the reaper of its descendants, and the process between
 * it and them ends. */
#ifndef CLUTCH_ZYGOTE_PROCESS_H
#define CLUTCH_ZYGOTE_PROCESS_H

#include <stdint.h>

#include "attrs.h"
#include "inherit.h"

/* In a child forked by the master: loads the application and takes orders from birth->control_fd until its end. */
void zygote_process_run(const struct inherit *, const struct birth *) NORETURN;

/* Master: orders a worker. birth->control_fd is copied to the zygote; the caller keeps its own. Never waits. 0 or
 * -errno: -EAGAIN and -ETOOMANYREFS when too many orders are on their way, -EPIPE and -ECONNRESET when the zygote has
 * died. */
int zygote_process_order(int channel_fd, const struct birth *) MUST_CHECK;

#endif
