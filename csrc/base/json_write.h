/* SPDX-License-Identifier: MIT
 * Writes JSON (RFC 8259), one value after the other, without white space:
 *
 *     json_begin(&json, NULL, '{');
 *     json_count(&json, "pid", 12);
 *     json_end(&json, '}');
 *
 * Every function takes the name of the value, which stands as it is; NULL in an array and at the top. */
#ifndef CLUTCH_JSON_WRITE_H
#define CLUTCH_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "slice.h"

struct json {
    struct buf *out; /* borrowed */
    bool needs_comma;
    bool lacks_memory; /* something could not be appended: all of it is worth nothing */
};

/* An object or an array: '{' and '}', or '[' and ']'. */
void json_begin(struct json *, const char *name, char bracket);
void json_end(struct json *, char bracket);

/* Any bytes: control characters are escaped, those beyond ASCII are taken as ISO 8859-1. */
void json_text(struct json *, const char *name, struct slice text);
void json_count(struct json *, const char *name, uint64_t value);
void json_number(struct json *, const char *name, int64_t value);
void json_flag(struct json *, const char *name, bool value);
void json_null(struct json *, const char *name);

#endif
