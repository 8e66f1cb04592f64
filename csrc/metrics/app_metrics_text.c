/* SPDX-License-Identifier: MIT */
#include "app_metrics_text.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "buf.h"

enum { NUMBER_BYTES = 40 };

void app_text_put(struct app_text *text, struct slice bytes)
{
    if (text->result == 0)
        text->result = buf_append(text->out, bytes);
}

/* Bytes of the UTF-8 character at the start of `text`, 0 when there is none (RFC 3629). */
static size_t utf8_len(struct slice text)
{
    const unsigned char *byte = (const unsigned char *)text.ptr;
    size_t len = byte[0] < 0x80 ? 1 : byte[0] < 0xC2 ? 0 : byte[0] < 0xE0 ? 2 : byte[0] < 0xF0 ? 3 : 4;

    if (byte[0] > 0xF4 || len > text.len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((byte[i] & 0xC0) != 0x80)
            return 0;
    }
    if (len >= 3 && ((byte[0] == 0xE0 && byte[1] < 0xA0) || (byte[0] == 0xED && byte[1] > 0x9F) ||
                     (byte[0] == 0xF0 && byte[1] < 0x90) || (byte[0] == 0xF4 && byte[1] > 0x8F)))
        return 0;
    return len;
}

void app_text_put_escaped(struct app_text *out, struct slice text, bool is_label)
{
    while (text.len > 0) {
        size_t len = utf8_len(text), taken = len > 0 ? len : 1;
        char c = text.ptr[0];

        if (len == 0 || c == '\0')
            app_text_put(out, SLICE("?"));
        else if (c == '\n')
            app_text_put(out, SLICE("\\n"));
        else if (c == '\\')
            app_text_put(out, SLICE("\\\\"));
        else if (c == '"' && is_label)
            app_text_put(out, SLICE("\\\""));
        else
            app_text_put(out, slice_of(text.ptr, len));
        text = slice_of(text.ptr + taken, text.len - taken);
    }
}

bool app_text_is_whole(double value)
{
    return value > -1e15 && value < 1e15 && (double)(int64_t)value == value;
}

/* The shortest digits that stand for the value, with a point whatever the locale says. */
static size_t format_number(double value, char *out)
{
    int len = 0;

    if (isnan(value))
        return (size_t)snprintf(out, NUMBER_BYTES, "NaN");
    if (isinf(value))
        return (size_t)snprintf(out, NUMBER_BYTES, "%sInf", value > 0 ? "+" : "-");
    if (app_text_is_whole(value))
        return (size_t)snprintf(out, NUMBER_BYTES, "%.0f", value);
    for (int digits = 15; digits <= 17; digits++) {
        len = snprintf(out, NUMBER_BYTES, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    for (int i = 0; i < len; i++) {
        if (out[i] == ',')
            out[i] = '.';
    }
    return (size_t)len;
}

void app_text_put_number(struct app_text *out, double value)
{
    char text[NUMBER_BYTES];

    app_text_put(out, slice_of(text, format_number(value, text)));
}
