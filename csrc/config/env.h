/* SPDX-License-Identifier: MIT
 * The CLUTCH_* variables. */
#ifndef CLUTCH_ENV_H
#define CLUTCH_ENV_H

#include "ledger.h"
#include "mistakes.h"

/* Sets every option that a CLUTCH_<NAME> in `environment` ("NAME=VALUE" strings, then NULL; or NULL) gives a value, and
 * the application of CLUTCH_APP. An empty value counts as unset. Lists are parted by commas. A variable that names no
 * option is warned of, because a server must not fail for what somebody else exports. */
void env_read(struct config *, struct mistakes *, char *const *environment);

#endif
