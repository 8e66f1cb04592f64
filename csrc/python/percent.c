/* SPDX-License-Identifier: MIT
 * Percent-decoding. Runs on the app thread, once for every path that holds a '%'. */
#include "percent.h"

#include <string.h>

/* Value of a hexadecimal digit, or -1. */
static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return -1;
}

size_t percent_decode(struct slice text, char *out)
{
    size_t from = 0, to = 0;

    while (from < text.len) {
        int high = -1, low = -1;

        if (text.ptr[from] == '%' && text.len - from > 2) {
            high = digit_value(text.ptr[from + 1]);
            low = digit_value(text.ptr[from + 2]);
        }
        if (high >= 0 && low >= 0) {
            out[to++] = (char)(high * 16 + low);
            from += 3;
        } else {
            out[to++] = text.ptr[from++];
        }
    }
    return to;
}
