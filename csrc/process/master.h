/* SPDX-License-Identifier: MIT
 * The master: opens what is shared, starts the workers, watches and replaces them, stops them. One process, one thread;
 * it never runs the application or its language. */
#ifndef CLUTCH_MASTER_H
#define CLUTCH_MASTER_H

#include "attrs.h"

struct config;
struct gateway_ops;
struct launch;

/* Runs the server until it is stopped, or another master has taken its place. `launch` says how the process was started
 * (NULL: unknown, then no other can be started). Returns the exit status of the program: 0 after a stop by a signal, 3
 * when the application could not be loaded, else 1; the reason has been logged. */
int master_run(const struct config *, const struct gateway_ops *, const struct launch *);

#endif
