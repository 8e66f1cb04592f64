/* SPDX-License-Identifier: MIT
 * 103 Early Hints (RFC 8297): what the client can fetch while the application still works on the response. */
#ifndef CLUTCH_H1_HINTS_H
#define CLUTCH_H1_HINTS_H

#include "exchange.h"

/* exchange_early_hints() on HTTP/1. */
enum head_error h1_hints_send(struct exchange *, struct early_hints *) MUST_CHECK;

#endif
