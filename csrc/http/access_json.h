/* SPDX-License-Identifier: MIT
 * The pieces of a JSON object (RFC 8259) in a line of the access log. A comma comes before every member but the first
 * in its object. The caller sees to the room: what does not fit is cut, and the line no JSON any more. */
#ifndef CLUTCH_ACCESS_JSON_H
#define CLUTCH_ACCESS_JSON_H

#include <stdint.h>

#include "access_line.h"

/* A text of at most `most` bytes, each of which takes up to six; what is longer ends in "...". Bytes beyond ASCII are
 * taken as ISO 8859-1, as WSGI takes them. A slice without an address is null. */
void access_json_put_member(struct access_line *, const char *name, struct slice text, size_t most);

/* A whole number; one below 0 is 0. */
void access_json_put_number(struct access_line *, const char *name, int64_t value);

/* Microseconds as seconds with six decimals. */
void access_json_put_seconds(struct access_line *, const char *name, int64_t duration_us);

/* Now, as RFC 3339 has it, in UTC. */
void access_json_put_moment(struct access_line *, const char *name);

#endif
