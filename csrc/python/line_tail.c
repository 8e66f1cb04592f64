/* SPDX-License-Identifier: MIT
 * Whole lines out of a stream of bytes. Runs wherever the application prints; the caller holds the lock, if any. */
#include "line_tail.h"

#include <string.h>

void line_tail_init(struct line_tail *tail)
{
    buf_init(&tail->pending);
}

void line_tail_fini(struct line_tail *tail)
{
    buf_fini(&tail->pending);
}

/* Moves the pending bytes out. */
static void take_pending(struct line_tail *tail, struct line_piece *piece)
{
    piece->owned = tail->pending;
    piece->lines = buf_slice(&piece->owned);
    buf_init(&tail->pending);
}

/* Adds bytes without a newline among them; a line that grows over the limit leaves in pieces. */
static int add_partial(struct line_tail *tail, struct slice bytes, struct line_piece *piece)
{
    int error = buf_reserve(&tail->pending, bytes.len + 1);

    if (error < 0)
        return error;
    error = buf_append(&tail->pending, bytes);
    if (error == 0 && tail->pending.len > LINE_TAIL_LIMIT_BYTES)
        line_tail_finish(tail, piece);
    return error;
}

/* Adds bytes that end in a newline, followed by `rest`, which holds none. */
static int add_lines(struct line_tail *tail, struct slice lines, struct slice rest, struct line_piece *piece)
{
    struct buf next;
    int error;

    buf_init(&next);
    error = buf_append(&next, rest);
    if (error == 0 && tail->pending.len > 0)
        error = buf_append(&tail->pending, lines);
    if (error < 0) {
        buf_fini(&next);
        return error;
    }
    if (tail->pending.len > 0)
        take_pending(tail, piece);
    else
        piece->lines = lines;
    buf_fini(&tail->pending);
    tail->pending = next;
    return 0;
}

int line_tail_add(struct line_tail *tail, struct slice bytes, struct line_piece *piece)
{
    const char *newline = bytes.len > 0 ? memrchr(bytes.ptr, '\n', bytes.len) : NULL;
    size_t whole;

    piece->lines = slice_of(NULL, 0);
    buf_init(&piece->owned);
    if (newline == NULL)
        return add_partial(tail, bytes, piece);
    whole = (size_t)(newline - bytes.ptr) + 1;
    return add_lines(tail, slice_of(bytes.ptr, whole), slice_of(bytes.ptr + whole, bytes.len - whole), piece);
}

void line_tail_finish(struct line_tail *tail, struct line_piece *piece)
{
    piece->lines = slice_of(NULL, 0);
    buf_init(&piece->owned);
    if (tail->pending.len == 0)
        return;
    (void)!buf_append(&tail->pending, SLICE("\n")); /* better an unfinished line than none */
    take_pending(tail, piece);
}
