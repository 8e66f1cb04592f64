/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <string.h>

bool text_parse_u64(struct slice text, uint64_t *value)
{
    uint64_t result = 0;

    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.ptr[i] - '0';

        if (digit > 9 || __builtin_mul_overflow(result, 10u, &result) || __builtin_add_overflow(result, digit, &result))
            return false;
    }
    *value = result;
    return true;
}

size_t text_format_u64(char *out, uint64_t value)
{
    char digits[20];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    for (size_t i = 0; i < count; i++)
        out[i] = digits[count - 1 - i];
    return count;
}

/* Writes one byte as it shall be read in a log line; returns how many characters (1 to 4). */
static size_t escape_byte(char out[4], unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";

    if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\') {
        out[0] = (char)byte;
        return 1;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = hex[byte >> 4];
    out[3] = hex[byte & 15];
    return 4;
}

size_t text_escape(char *out, size_t size, struct slice bytes)
{
    size_t len = 0, safe_len = 0;
    char piece[4];

    if (size == 0)
        return 0;
    for (size_t i = 0; i < bytes.len; i++) {
        size_t count = escape_byte(piece, (unsigned char)bytes.ptr[i]);

        if (len + count + 1 > size) {
            len = safe_len;
            if (len + 3 < size) {
                memcpy(out + len, "...", 3);
                len += 3;
            }
            break;
        }
        memcpy(out + len, piece, count);
        len += count;
        if (len + 4 <= size)
            safe_len = len;
    }
    out[len] = '\0';
    return len;
}

bool text_has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    }
    return false;
}

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;

    return least < c ? least : c;
}

/* Optimal string alignment: three rows of the table of distances between the prefixes of both words. */
unsigned text_distance(const char *a, const char *b)
{
    enum { MOST = 63 };
    unsigned before[MOST + 1], last[MOST + 1], row[MOST + 1];
    size_t a_len = strnlen(a, MOST), b_len = strnlen(b, MOST);

    for (size_t j = 0; j <= b_len; j++)
        before[j] = last[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned replaced = last[j - 1] + (a[i - 1] != b[j - 1]);

            row[j] = smallest(last[j] + 1, row[j - 1] + 1, replaced);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        memcpy(before, last, sizeof(before));
        memcpy(last, row, sizeof(last));
    }
    return last[b_len];
}
