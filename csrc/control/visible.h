/* SPDX-License-Identifier: MIT
 * Text of others as it may reach a terminal. */
#ifndef CLUTCH_VISIBLE_H
#define CLUTCH_VISIBLE_H

#include <stddef.h>

#include "slice.h"

/* Copies `bytes` to `out` (`size` bytes, at least 5) with everything but printable ASCII as \xHH, cut to fit with a
 * NUL. Returns `out`. */
const char *visible_copy(char *out, size_t size, struct slice bytes);

#endif
