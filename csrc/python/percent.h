/* SPDX-License-Identifier: MIT
 * Percent-decoding of a request path (RFC 3986 2.1; PEP 3333 wants PATH_INFO decoded). */
#ifndef CLUTCH_PERCENT_H
#define CLUTCH_PERCENT_H

#include <stddef.h>

#include "slice.h"

/* Decodes %XX into `out`, which has room for text.len bytes; a malformed escape and '+' stay as they are, and nothing
 * else is touched: no segment is removed, no slash merged. Returns the number of bytes. Pure; never fails. */
size_t percent_decode(struct slice text, char *out);

#endif
