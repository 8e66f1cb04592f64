/* SPDX-License-Identifier: MIT
 * The configuration in the words of http/. */
#ifndef CLUTCH_WORKER_SETTINGS_H
#define CLUTCH_WORKER_SETTINGS_H

#include <stdbool.h>

#include "h1_limits.h"

struct config;

/* The settings of a worker's server. Texts are borrowed from the config. `shows_queue`: somebody will tell how long
 * each request has waited. */
struct h1_settings worker_settings(const struct config *, bool shows_queue);

#endif
