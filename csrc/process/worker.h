/* SPDX-License-Identifier: MIT
 * The life of one worker: set up, serve, drain, exit. Runs in a child of the master, on its main thread. */
#ifndef CLUTCH_WORKER_H
#define CLUTCH_WORKER_H

#include "attrs.h"
#include "inherit.h"

struct gateway;

/* In a child forked by the master: starts the gateway and serves until it is told to end. Owns birth->control_fd. */
void worker_run(const struct inherit *, const struct birth *) NORETURN;

/* In a child forked by the zygote: the same with a gateway that has the application loaded already. Owns the gateway.
 */
void worker_run_hatched(const struct inherit *, const struct birth *, struct gateway *) NORETURN;

#endif
