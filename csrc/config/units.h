/* SPDX-License-Identifier: MIT
 * Numbers with units, as people write them in options. Pure functions. */
#ifndef CLUTCH_UNITS_H
#define CLUTCH_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attrs.h"
#include "slice.h"

enum { UNITS_TEXT_BYTES = 24 }; /* room for any formatted value and its NUL */

enum units_result {
    UNITS_DONE,
    UNITS_MALFORMED,
    UNITS_TOO_LARGE, /* well formed, but more than int64_t holds */
};

/* All of the text must be the number; no sign, no blanks. *value is set only with UNITS_DONE. */

/* 12 */
enum units_result units_parse_count(struct slice text, int64_t *value) MUST_CHECK;

/* 500ms 10s 2m 1h, with a fraction if wanted (1.5s); a bare number is seconds. Milliseconds; a part of one counts as a
 * whole one, so that no text but a zero gives 0. */
enum units_result units_parse_duration(struct slice text, int64_t *value_ms) MUST_CHECK;

/* 8190 64k 1m 2g (powers of 1024), with a fraction if wanted (1.5m). Bytes; a part of one counts as a whole one. */
enum units_result units_parse_size(struct slice text, int64_t *value_bytes) MUST_CHECK;

/* 22 022 0o22 */
enum units_result units_parse_octal(struct slice text, int64_t *value) MUST_CHECK;

/* yes no true false on off 1 0, in any case. Returns false when it is none of them. */
bool units_parse_flag(struct slice text, bool *value) MUST_CHECK;

/* A short text that parses to the value again: "90s", "1m", "64k", "8190". Return the length without the NUL. */
size_t units_format_duration(char out[UNITS_TEXT_BYTES], int64_t value_ms);
size_t units_format_size(char out[UNITS_TEXT_BYTES], int64_t value_bytes);

#endif
