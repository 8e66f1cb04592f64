/* SPDX-License-Identifier: MIT
 * The configuration in the words of http/. */
#ifndef CLUTCH_WORKER_SETTINGS_H
#define CLUTCH_WORKER_SETTINGS_H

#include <stdbool.h>

#include "attrs.h"
#include "h1_limits.h"

struct cidr_list;
struct config;

/* The settings of a worker's server. Texts are borrowed from the config. `shows_queue`: somebody will tell how long
 * each request has waited. `trusted` stays NULL: the caller's, see worker_settings_trust. */
struct h1_settings worker_settings(const struct config *, bool shows_queue);

/* Fills the list of the peers that are believed; it is empty before, and the caller's to end with cidr_list_fini. The
 * texts have been checked with the options: false means without memory. */
bool worker_settings_trust(const struct config *, struct cidr_list *trusted) MUST_CHECK;

#endif
