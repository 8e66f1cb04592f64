/* SPDX-License-Identifier: MIT */
#include "access_line.h"

#include <stdarg.h>
#include <stdio.h>

#include "text.h"

/* No single value of a client's fills a line: what the server has to say stands behind it. */
enum { MOST_ESCAPED_BYTES = 1200 };

void access_line_put(struct access_line *line, struct slice text)
{
    size_t room = sizeof(line->text) - 1 - line->len;
    size_t len = text.len < room ? text.len : room;

    if (len > 0)
        memcpy(line->text + line->len, text.ptr, len);
    line->len += len;
}

void access_line_put_escaped(struct access_line *line, struct slice text)
{
    size_t room = sizeof(line->text) - line->len;

    line->len += text_escape(line->text + line->len, room < MOST_ESCAPED_BYTES ? room : MOST_ESCAPED_BYTES, text);
}

void access_line_put_format(struct access_line *line, const char *format, ...)
{
    size_t room = sizeof(line->text) - line->len;
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(line->text + line->len, room, format, arguments);
    va_end(arguments);
    if (len > 0)
        line->len += (size_t)len < room ? (size_t)len : room - 1;
}

struct slice access_line_request_field(const struct access_line *line, struct slice name)
{
    const struct request *request = line->exchange->request;

    for (size_t i = 0; i < request->header_count; i++) {
        if (slice_equal_nocase(request->headers[i].name, name))
            return request->headers[i].value;
    }
    return slice_of(NULL, 0);
}

struct slice access_line_known_field(const struct access_line *line, enum known_header id)
{
    const struct request *request = line->exchange->request;

    for (size_t i = 0; i < request->header_count; i++) {
        if (request->headers[i].id == id)
            return request->headers[i].value;
    }
    return slice_of(NULL, 0);
}
