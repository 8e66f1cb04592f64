/* SPDX-License-Identifier: MIT
 * What `clutch top` puts on the screen: how many lines each part gets. */
#ifndef CLUTCH_TOP_FRAME_H
#define CLUTCH_TOP_FRAME_H

#include <stdbool.h>

#include "attrs.h"
#include "buf.h"

struct top_samples;

struct top_frame {
    int selected; /* worker, from 0; kept within bounds by drawing */
    int scrolled; /* lines of the text */
    bool is_paused;
    bool has_text;   /* `text` is shown instead of the server */
    struct buf text; /* owned: stacks */
    struct buf view; /* owned: for drawing */
};

/* 0 or -ENOMEM. */
int top_frame_draw(struct top_frame *, const struct top_samples *) MUST_CHECK;

/* Selects the worker so many lines further down (below 0: up), or scrolls the text; not beyond the ends. */
void top_frame_move(struct top_frame *, const struct top_samples *, int lines);

/* The number of the worker that is selected; 0: there is none. */
int top_frame_worker(const struct top_frame *, const struct top_samples *);

#endif
