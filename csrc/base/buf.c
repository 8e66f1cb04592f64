/* SPDX-License-Identifier: MIT */
#include "buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAPACITY_BYTES = 256 };

void buf_init(struct buf *buf)
{
    *buf = (struct buf){0};
}

void buf_fini(struct buf *buf)
{
    free(buf->ptr);
    buf_init(buf);
}

int buf_reserve(struct buf *buf, size_t extra)
{
    size_t wanted, capacity;
    char *ptr;

    if (extra <= buf->capacity - buf->len)
        return 0;
    if (__builtin_add_overflow(buf->len, extra, &wanted) || wanted > SIZE_MAX / 2)
        return -ENOMEM;
    capacity = buf->capacity != 0 ? buf->capacity : FIRST_CAPACITY_BYTES;
    while (capacity < wanted)
        capacity *= 2;
    ptr = realloc(buf->ptr, capacity);
    if (ptr == NULL)
        return -ENOMEM;
    buf->ptr = ptr;
    buf->capacity = capacity;
    return 0;
}

int buf_append(struct buf *buf, struct slice bytes)
{
    int failed = buf_reserve(buf, bytes.len);

    if (failed < 0 || bytes.len == 0)
        return failed;
    memcpy(buf->ptr + buf->len, bytes.ptr, bytes.len);
    buf->len += bytes.len;
    return 0;
}

int buf_append_format(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    int len, failed;

    va_start(arguments, format);
    len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (len < 0)
        return -EINVAL;
    failed = buf_reserve(buf, (size_t)len + 1);
    if (failed < 0)
        return failed;
    va_start(arguments, format);
    vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, arguments);
    va_end(arguments);
    buf->len += (size_t)len;
    return 0;
}

void buf_consume(struct buf *buf, size_t count)
{
    buf->len -= count;
    if (count > 0 && buf->len > 0)
        memmove(buf->ptr, buf->ptr + count, buf->len);
}
