/* SPDX-License-Identifier: MIT
 * What is the server's alone: a process that the application forks closes its copies of the listeners, of the queue, of
 * the clients' connections and of what the logs are written through. Otherwise one that stays would keep clients
 * waiting for the end of a connection that the server has closed, and the address taken when the server has gone. */
#ifndef CLUTCH_FORK_GUARD_H
#define CLUTCH_FORK_GUARD_H

#include "attrs.h"
#include "inherit.h"

/* From now on, in this process. Returns 0, or -errno. */
int fork_guard_arm(const struct inherit *) MUST_CHECK;

/* No longer: the next children are the server's own. */
void fork_guard_disarm(void);

#endif
