/* SPDX-License-Identifier: MIT
 * The command line. */
#ifndef CLUTCH_PARSE_H
#define CLUTCH_PARSE_H

#include <stdbool.h>

#include "ledger.h"
#include "mistakes.h"

/* Sets what the arguments say, argv[0] left out: --name VALUE, --name=VALUE, -wVALUE, -w VALUE, flags as --name,
 * --name=no and
 * --no-name, one APP, and after `--` APP only. A text with a leading '-' is taken as the value of the option before
 * only when it is
 * "-" or a number; else write --name=VALUE.
 * Returns whether every argument's meaning is known: after an unknown option nobody can tell a value from an APP, so
 * then APP is not read any more and its absence means nothing. */
bool parse_arguments(struct config *, struct mistakes *, int argc, char *const *argv);

#endif
