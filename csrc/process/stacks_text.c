/* SPDX-License-Identifier: MIT */
#include "stacks_text.h"

#include <stdbool.h>
#include <string.h>

static bool skip(struct slice *text, const char *words)
{
    size_t len = strlen(words);

    if (text->len < len || memcmp(text->ptr, words, len) != 0)
        return false;
    *text = slice_of(text->ptr + len, text->len - len);
    return true;
}

struct slice stacks_text_trim(struct slice text)
{
    struct slice rest;
    const char *line_end;

    while (text.len > 0 && text.ptr[0] == '\n') /* left over from the dump before */
        text = slice_of(text.ptr + 1, text.len - 1);
    while (text.len > 0 && text.ptr[text.len - 1] == '\n') /* and the beginning of the next one */
        text.len--;
    rest = text;
    if (text.len == 0 || !skip(&rest, "Current thread "))
        return text;
    line_end = memchr(rest.ptr, '\n', rest.len);
    if (line_end == NULL)
        return text;
    rest = slice_of(line_end + 1, rest.len - (size_t)(line_end + 1 - rest.ptr));
    if (!skip(&rest, "  <no Python frame>\n\n"))
        return text;
    return slice_of(rest.ptr, (size_t)(text.ptr + text.len - rest.ptr));
}
