/* SPDX-License-Identifier: MIT */
#include "json_text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void json_text_put(struct json_text *json, struct slice bytes)
{
    if (bytes.len > json->size - json->len) {
        json->is_full = true;
        return;
    }
    if (bytes.len > 0)
        memcpy(json->out + json->len, bytes.ptr, bytes.len);
    json->len += bytes.len;
}

void json_text_put_format(struct json_text *json, const char *format, ...)
{
    char piece[256];
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(piece, sizeof(piece), format, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len >= sizeof(piece))
        json->is_full = true;
    else
        json_text_put(json, slice_of(piece, (size_t)len));
}

static bool is_continued(struct slice text, size_t at, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (at + i >= text.len || ((unsigned char)text.ptr[at + i] & 0xc0) != 0x80)
            return false;
    }
    return true;
}

/* The bytes of the character beyond ASCII that begins there (RFC 3629), and its number; 0: none does. */
static size_t decode(struct slice text, size_t at, uint32_t *number)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)text.ptr[at];
    size_t count = (first & 0xe0) == 0xc0 ? 2 : (first & 0xf0) == 0xe0 ? 3 : (first & 0xf8) == 0xf0 ? 4 : 0;

    if (count == 0 || !is_continued(text, at, count))
        return 0;
    *number = first & (0xffu >> (count + 1));
    for (size_t i = 1; i < count; i++)
        *number = *number << 6 | ((unsigned char)text.ptr[at + i] & 0x3f);
    if (*number < least[count] || *number > 0x10ffff || (*number >= 0xd800 && *number <= 0xdfff))
        return 0;
    return count;
}

static void put_escape(struct json_text *json, uint32_t number)
{
    json_text_put_format(json, "\\u%04x", (unsigned)number);
}

/* Appends the character at `at`; returns its bytes. */
static size_t put_character(struct json_text *json, struct slice text, size_t at)
{
    unsigned char first = (unsigned char)text.ptr[at];
    uint32_t number;
    size_t count;

    if (first == '"' || first == '\\') {
        json_text_put_format(json, "\\%c", first);
        return 1;
    }
    if (first < 0x80) {
        if (first == '\n')
            json_text_put(json, SLICE("\\n"));
        else if (first < 0x20 || first == 0x7f)
            put_escape(json, first);
        else
            json_text_put(json, slice_of(text.ptr + at, 1));
        return 1;
    }
    count = decode(text, at, &number);
    if (count == 0 || number < 0xa0 || number == 0x2028 || number == 0x2029) {
        put_escape(json, count == 0 ? first : number);
        return count == 0 ? 1 : count;
    }
    json_text_put(json, slice_of(text.ptr + at, count));
    return count;
}

void json_text_put_string(struct json_text *json, struct slice text)
{
    json_text_put(json, SLICE("\""));
    for (size_t at = 0; at < text.len;)
        at += put_character(json, text, at);
    json_text_put(json, SLICE("\""));
}
