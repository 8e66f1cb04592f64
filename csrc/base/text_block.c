/* SPDX-License-Identifier: MIT */
#include "text_block.h"

#include <errno.h>
#include <string.h>

enum { MOST_HIDDEN_BYTES = 3 }; /* of one character */

static unsigned char byte_at(struct slice text, size_t index)
{
    return index < text.len ? (unsigned char)text.ptr[index] : 0;
}

/* Whether a character of three bytes separates lines or marks a direction: U+200E and F, U+2028 to E, U+2066 to 9. */
static bool is_mark(unsigned char first, unsigned char second, unsigned char third)
{
    if (first != 0xe2)
        return false;
    if (second == 0x80)
        return third == 0x8e || third == 0x8f || (third >= 0xa8 && third <= 0xae);
    return second == 0x81 && third >= 0xa6 && third <= 0xa9;
}

/* How many bytes at `index` are a character to be escaped; 0: it may be shown. */
static size_t hidden_length(struct slice text, size_t index)
{
    unsigned char first = byte_at(text, index), second = byte_at(text, index + 1);

    if ((first < 0x20 && first != '\t') || first == 0x7f)
        return 1;
    if (first == 0xc2 && second >= 0x80 && second <= 0x9f)
        return 2;
    return is_mark(first, second, byte_at(text, index + 2)) ? 3 : 0;
}

/* Writes four bytes for each; returns how many. */
static size_t put_escaped(char *out, struct slice bytes)
{
    static const char hex[] = "0123456789abcdef";
    size_t len = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        out[len++] = '\\';
        out[len++] = 'x';
        out[len++] = hex[byte_at(bytes, i) >> 4];
        out[len++] = hex[byte_at(bytes, i) & 15];
    }
    return len;
}

static int append_line(struct buf *out, struct slice line)
{
    char escaped[4 * MOST_HIDDEN_BYTES];
    size_t shown = 0;

    if (buf_append(out, slice_of_string(TEXT_BLOCK_INDENT)) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < line.len;) {
        size_t hidden = hidden_length(line, i);

        if (hidden == 0) {
            i++;
            continue;
        }
        if (buf_append(out, slice_of(line.ptr + shown, i - shown)) < 0 ||
            buf_append(out, slice_of(escaped, put_escaped(escaped, slice_of(line.ptr + i, hidden)))) < 0)
            return -ENOMEM;
        shown = i += hidden;
    }
    if (buf_append(out, slice_of(line.ptr + shown, line.len - shown)) < 0)
        return -ENOMEM;
    return buf_append(out, slice_of("\n", 1));
}

size_t text_block_copy_line(char *out, size_t size, struct slice text)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len;) {
        size_t hidden = hidden_length(text, i), wanted = hidden > 0 ? 4 * hidden : 1;

        if (wanted > size - len)
            break;
        if (hidden == 0) {
            out[len++] = text.ptr[i++];
            continue;
        }
        len += put_escaped(out + len, slice_of(text.ptr + i, hidden));
        i += hidden;
    }
    return len;
}

int text_block_append(struct buf *out, struct slice text)
{
    while (text.len > 0) {
        const char *newline = memchr(text.ptr, '\n', text.len);
        size_t len = newline != NULL ? (size_t)(newline - text.ptr) : text.len;
        size_t taken = newline != NULL ? len + 1 : len;

        if (append_line(out, slice_of(text.ptr, len)) < 0)
            return -ENOMEM;
        text = slice_of(text.ptr + taken, text.len - taken);
    }
    return 0;
}
