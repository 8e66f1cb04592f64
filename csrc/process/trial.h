/* SPDX-License-Identifier: MIT
 * --check-config: a trial start, of the application alone. */
#ifndef CLUTCH_TRIAL_H
#define CLUTCH_TRIAL_H

#include "attrs.h"

struct config;
struct gateway_ops;

/* Loads the application in a child as a worker would, and reports. Opens no listener and no pid file. Returns the exit
 * status of the program: 0, 3 when the application could not be loaded, else 1; the reason has been logged. */
int trial_run(const struct config *, const struct gateway_ops *);

#endif
