/* SPDX-License-Identifier: MIT
 * The field traceparent of W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context-1/). clutch takes no part in
 * a trace: it passes a valid one on as it came, and shows its ids in the logs. */
#ifndef CLUTCH_TRACE_PARENT_H
#define CLUTCH_TRACE_PARENT_H

#include <stdbool.h>

#include "attrs.h"
#include "slice.h"

/* The parts of a valid value, hexadecimal in lower case. */
struct trace_parent {
    struct slice trace_id; /* 32 digits, not all 0 */
    struct slice span_id;  /* 16 digits, not all 0: of the caller's span */
    struct slice flags;    /* 2 digits */
};

/* Parses a value (3.2.2): version 00 exactly, of a later version what all versions have in common (4.3), never version
 * ff. The parts are slices of it. Returns false, having written nothing, when it is not valid. */
bool trace_parent_parse(struct slice value, struct trace_parent *) MUST_CHECK;

#endif
