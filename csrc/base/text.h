/* SPDX-License-Identifier: MIT
 * Small jobs on text: numbers, escapes, spelling. */
#ifndef CLUTCH_TEXT_H
#define CLUTCH_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attrs.h"
#include "slice.h"

/* Reads an unsigned decimal number: digits only, all of the text, no sign. Returns false when it is none or overflows.
 */
bool text_parse_u64(struct slice text, uint64_t *value) MUST_CHECK;

/* Writes `value` in decimal at `out` (20 bytes at most, no NUL); returns the number of bytes. */
size_t text_format_u64(char *out, uint64_t value);

/* Copies `bytes` to `out` with everything but printable ASCII, '"' and '\\' as \xHH, cut to fit `size` with a NUL;
 * "..." at the end says that it was cut. Returns the length without the NUL. For log lines: the result is one line,
 * whatever came in. */
size_t text_escape(char *out, size_t size, struct slice bytes);

/* Whether a control character is in it: a byte below 0x20, or DEL. */
bool text_has_control(const char *text);

/* Number of single-character edits (insert, delete, replace, swap) between two words of up to 63 bytes; more is cut. */
unsigned text_distance(const char *a, const char *b);

#endif
