/* SPDX-License-Identifier: MIT
 * Cuts a stream of bytes into whole lines: the piece after the last newline waits for the rest of its line. Plain C, no
 * locks: the caller serialises (for the application's output, the GIL does). */
#ifndef CLUTCH_LINE_TAIL_H
#define CLUTCH_LINE_TAIL_H

#include "attrs.h"
#include "buf.h"
#include "slice.h"

/* A line longer than this is passed on in pieces, each ended by a newline of ours. */
enum { LINE_TAIL_LIMIT_BYTES = 65536 };

struct line_tail {
    struct buf pending; /* begins at a line's start, holds no newline */
};

/* Whole lines to be written now. */
struct line_piece {
    struct slice lines; /* empty: nothing to write yet; points into `owned` or into the bytes that were added */
    struct buf owned;   /* end it with buf_fini() after writing */
};

void line_tail_init(struct line_tail *);
void line_tail_fini(struct line_tail *);

/* Adds bytes and takes out what is whole; on success the caller owns piece->owned. Returns 0, or -ENOMEM with nothing
 * added and an empty piece. */
int line_tail_add(struct line_tail *, struct slice bytes, struct line_piece *piece) MUST_CHECK;

/* Takes out what is pending, with a newline: at the end of the stream. Never fails: without memory for the newline the
 * piece goes without it. */
void line_tail_finish(struct line_tail *, struct line_piece *piece);

#endif
