/* SPDX-License-Identifier: MIT
 * One line of the access log under construction. */
#ifndef CLUTCH_ACCESS_LINE_H
#define CLUTCH_ACCESS_LINE_H

#include "access_log.h"

/* PIPE_BUF: the kernel keeps writes up to this size to a pipe in one piece. */
enum { ACCESS_LINE_BYTES = 4096 };

struct access_line {
    const struct exchange *exchange;
    const struct h1_summary *summary;
    const struct access_log_place *place;
    size_t len;
    char text[ACCESS_LINE_BYTES];
};

/* Appends as it is, or escaped (text_escape), cut when the line is full. */
void access_line_put(struct access_line *, struct slice);
void access_line_put_escaped(struct access_line *, struct slice);
void access_line_put_format(struct access_line *, const char *format, ...) PRINTF_LIKE(2, 3);

/* The first field with this id or name among the request's, empty when there is none. */
struct slice access_line_request_field(const struct access_line *, struct slice name);
struct slice access_line_known_field(const struct access_line *, enum known_header id);

#endif
