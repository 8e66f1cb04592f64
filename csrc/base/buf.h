/* SPDX-License-Identifier: MIT
 * A growable buffer of bytes.
 *
 *   ptr            ptr + len          ptr + capacity
 *    |---- bytes ----|---- room --------|
 */
#ifndef CLUTCH_BUF_H
#define CLUTCH_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "attrs.h"
#include "slice.h"

struct buf {
    char *ptr; /* owned; NULL while capacity is 0 */
    size_t len;
    size_t capacity;
};

void buf_init(struct buf *);
/* Frees the memory; the buffer is empty and usable afterwards. */
void buf_fini(struct buf *);

/* Makes room for `extra` more bytes. Returns 0, or -ENOMEM with the buffer unchanged. */
int buf_reserve(struct buf *, size_t extra) MUST_CHECK;

/* Append; 0, or -ENOMEM with the buffer unchanged. */
int buf_append(struct buf *, struct slice bytes) MUST_CHECK;
int buf_append_format(struct buf *, const char *format, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

/* Drops the first `count` bytes and moves the rest to the front. */
void buf_consume(struct buf *, size_t count);

static inline struct slice buf_slice(const struct buf *buf)
{
    return slice_of(buf->ptr, buf->len);
}

#endif
