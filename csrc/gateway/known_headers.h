/* SPDX-License-Identifier: MIT
 * Ids for the request fields that nearly every client sends, found by a perfect hash. */
#ifndef CLUTCH_KNOWN_HEADERS_H
#define CLUTCH_KNOWN_HEADERS_H

#include "slice.h"

enum known_header {
    HEADER_UNKNOWN = 0,
#define KNOWN_HEADER(id, name, variable) HEADER_##id,
#include "known_headers.def"
#undef KNOWN_HEADER
    KNOWN_HEADER_COUNT /* ids fit a 64-bit set: see the static assert in known_headers.c */
};

/* Returns the id of a field name in any case, or HEADER_UNKNOWN. Pure; never fails. */
enum known_header known_header_find(struct slice name);

/* The name in lower case and the environ key of an id other than HEADER_UNKNOWN; static storage. */
struct slice known_header_name(enum known_header id);
const char *known_header_variable(enum known_header id);

#endif
