/* SPDX-License-Identifier: MIT
 * A terminal that shows lines of printable ASCII, over curses: nobody else includes that. One at a time. */
#ifndef CLUTCH_TOP_SCREEN_H
#define CLUTCH_TOP_SCREEN_H

#include "attrs.h"
#include "slice.h"

enum top_key {
    TOP_KEY_NONE, /* nothing is there */
    TOP_KEY_OTHER,
    TOP_KEY_UP,
    TOP_KEY_DOWN,
    TOP_KEY_PAGE_UP,
    TOP_KEY_PAGE_DOWN,
    TOP_KEY_QUIT,
    TOP_KEY_PAUSE,
    TOP_KEY_STACKS,
};

enum top_style { TOP_PLAIN, TOP_BOLD, TOP_REVERSE };

/* Takes the terminal of standard input and output. Returns NULL, or what is wrong with it: static. */
const char *top_screen_open(void) MUST_CHECK;
/* Leaves it as it was. May be called twice. */
void top_screen_close(void);

/* A frame: begin, lines, end. */
void top_screen_begin(void);
int top_screen_height(void);
/* Cut to the width; nothing outside of the screen. */
void top_screen_line(int row, struct slice line, enum top_style);
void top_screen_end(void);

/* The next key that was pressed; never waits. */
enum top_key top_screen_key(void);

#endif
