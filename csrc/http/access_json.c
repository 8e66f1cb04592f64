/* SPDX-License-Identifier: MIT */
#include "access_json.h"

#include <stdlib.h>
#include <time.h>

#include "clock.h"

static void put_name(struct access_line *line, const char *name)
{
    bool is_first = line->len == 0 || line->text[line->len - 1] == '{';

    access_line_put_format(line, "%s\"%s\": ", is_first ? "" : ", ", name);
}

static void put_string(struct access_line *line, struct slice text, size_t most)
{
    access_line_put(line, SLICE("\""));
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];

        if (i == most) {
            access_line_put(line, SLICE("..."));
            break;
        }
        if (byte == '"' || byte == '\\')
            access_line_put_format(line, "\\%c", byte);
        else if (byte < 0x20 || byte >= 0x7f)
            access_line_put_format(line, "\\u%04x", byte);
        else
            access_line_put(line, slice_of(text.ptr + i, 1));
    }
    access_line_put(line, SLICE("\""));
}

void access_json_put_member(struct access_line *line, const char *name, struct slice text, size_t most)
{
    put_name(line, name);
    if (text.ptr == NULL)
        access_line_put(line, SLICE("null"));
    else
        put_string(line, text, most);
}

void access_json_put_number(struct access_line *line, const char *name, int64_t value)
{
    put_name(line, name);
    access_line_put_format(line, "%lld", (long long)(value > 0 ? value : 0));
}

void access_json_put_moment(struct access_line *line, const char *name)
{
    int64_t now_us = clock_wall_us();
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    put_name(line, name);
    access_line_put_format(line, "\"%04d-%02d-%02dT%02d:%02d:%02d.%06dZ\"", tm.tm_year + 1900, tm.tm_mon + 1,
                           tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(now_us % 1000000));
}

void access_json_put_seconds(struct access_line *line, const char *name, int64_t duration_us)
{
    lldiv_t seconds = lldiv(duration_us > 0 ? duration_us : 0, 1000000);

    put_name(line, name);
    /* No %f: the application may have set a locale with a decimal comma. */
    access_line_put_format(line, "%lld.%06lld", seconds.quot, seconds.rem);
}
