/* SPDX-License-Identifier: MIT
 * The interned strings of the gateway: environ keys, constant values, attribute names. Made once at the start, read by
 * every app thread that holds the GIL. */
#ifndef CLUTCH_NAMES_H
#define CLUTCH_NAMES_H

#include "python_api.h"

#include "attrs.h"
#include "known_headers.h"

enum name_id {
#define NAME(id, text) NAME_##id,
#include "names.def"
#undef NAME
    NAME_COUNT
};

struct names {
    PyObject *texts[NAME_COUNT];             /* owned */
    PyObject *variables[KNOWN_HEADER_COUNT]; /* owned: environ key of each known field; [0] is NULL */
};

/* Fills the table. Requires the GIL. Returns 0, or -1 with an exception and the table empty. */
int names_init(struct names *) MUST_CHECK;

/* Drops the strings. Requires the GIL. */
void names_fini(struct names *);

#endif
