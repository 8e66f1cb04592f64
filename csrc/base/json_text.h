/* SPDX-License-Identifier: MIT
 * Pieces of JSON (RFC 8259) in memory of a fixed size. */
#ifndef CLUTCH_JSON_TEXT_H
#define CLUTCH_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "attrs.h"
#include "slice.h"

/* A byte of a text becomes at most so many. */
enum { JSON_TEXT_MOST_PER_BYTE = 6 };

struct json_text {
    char *out; /* borrowed */
    size_t size, len;
    bool is_full; /* something found no room: what is there is no JSON */
};

/* Appends what is JSON already. */
void json_text_put(struct json_text *, struct slice);
void json_text_put_format(struct json_text *, const char *format, ...) PRINTF_LIKE(2, 3);

/* Appends a string: UTF-8 as it is, control characters (C0, DEL, C1) and the separators of lines and paragraphs
 * escaped; bytes that are no UTF-8 are taken as ISO 8859-1. */
void json_text_put_string(struct json_text *, struct slice);

#endif
