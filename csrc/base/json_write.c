/* SPDX-License-Identifier: MIT */
#include "json_write.h"

#include <inttypes.h>
#include <stddef.h>

static void add(struct json *json, struct slice bytes)
{
    if (buf_append(json->out, bytes) < 0)
        json->lacks_memory = true;
}

static void begin_value(struct json *json, const char *name)
{
    if (json->needs_comma)
        add(json, SLICE(","));
    json->needs_comma = true;
    if (name == NULL)
        return;
    add(json, SLICE("\""));
    add(json, slice_of_string(name));
    add(json, SLICE("\":"));
}

void json_begin(struct json *json, const char *name, char bracket)
{
    begin_value(json, name);
    add(json, slice_of(&bracket, 1));
    json->needs_comma = false;
}

void json_end(struct json *json, char bracket)
{
    add(json, slice_of(&bracket, 1));
    json->needs_comma = true;
}

static void add_escaped(struct json *json, unsigned char byte)
{
    const char *letter = byte == '\n' ? "\\n" : byte == '\t' ? "\\t" : byte == '"' ? "\\\"" : "\\\\";

    if (byte == '\n' || byte == '\t' || byte == '"' || byte == '\\')
        add(json, slice_of_string(letter));
    else if (buf_append_format(json->out, "\\u%04x", byte) < 0)
        json->lacks_memory = true;
}

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

void json_text(struct json *json, const char *name, struct slice text)
{
    size_t from = 0, to = 0;

    begin_value(json, name);
    add(json, SLICE("\""));
    for (; to < text.len; to++) {
        if (is_plain((unsigned char)text.ptr[to]))
            continue;
        add(json, slice_of(text.ptr + from, to - from));
        add_escaped(json, (unsigned char)text.ptr[to]);
        from = to + 1;
    }
    if (to > from)
        add(json, slice_of(text.ptr + from, to - from));
    add(json, SLICE("\""));
}

void json_count(struct json *json, const char *name, uint64_t value)
{
    begin_value(json, name);
    if (buf_append_format(json->out, "%" PRIu64, value) < 0)
        json->lacks_memory = true;
}

void json_number(struct json *json, const char *name, int64_t value)
{
    begin_value(json, name);
    if (buf_append_format(json->out, "%" PRId64, value) < 0)
        json->lacks_memory = true;
}

void json_flag(struct json *json, const char *name, bool value)
{
    begin_value(json, name);
    add(json, value ? SLICE("true") : SLICE("false"));
}

void json_null(struct json *json, const char *name)
{
    begin_value(json, name);
    add(json, SLICE("null"));
}
