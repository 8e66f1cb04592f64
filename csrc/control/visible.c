/* SPDX-License-Identifier: MIT */
#include "visible.h"

#include <stdio.h>

enum { ESCAPE_BYTES = 4 };

const char *visible_copy(char *out, size_t size, struct slice bytes)
{
    size_t len = 0;

    for (size_t i = 0; i < bytes.len && len + ESCAPE_BYTES < size; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];

        if (byte >= ' ' && byte <= '~')
            out[len++] = (char)byte;
        else
            len += (size_t)snprintf(out + len, size - len, "\\x%02x", byte);
    }
    out[len] = '\0';
    return out;
}
