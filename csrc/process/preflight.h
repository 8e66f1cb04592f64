/* SPDX-License-Identifier: MIT
 * Mistakes in the options that only the parts that use them can tell, found before anything is opened or started. */
#ifndef CLUTCH_PREFLIGHT_H
#define CLUTCH_PREFLIGHT_H

#include <stddef.h>

#include "attrs.h"

struct config;

/* The exit status of the program for a wrong option. */
enum { PREFLIGHT_EXIT_OPTION = 2 };

/* Looks at addresses, the format of the access log, user and group. 0, or -1 after writing to `error` (size bytes)
 * which value is wrong and what was expected. */
int preflight_check_options(const struct config *, char *error, size_t size) MUST_CHECK;

#endif
