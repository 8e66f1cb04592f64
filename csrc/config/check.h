/* SPDX-License-Identifier: MIT
 * What can be wrong with options only when all of them are known. */
#ifndef CLUTCH_CHECK_H
#define CLUTCH_CHECK_H

#include <stdbool.h>

#include "ledger.h"
#include "mistakes.h"

/* Completes the application (--callable becomes its callable) and adds what does not fit together to `mistakes`: no
 * application although `needs_app`, a file or --chdir directory that is not there, an --env entry without a name, ...
 * Looks at the file system. */
void check_config(struct config *, struct mistakes *, bool needs_app);

#endif
