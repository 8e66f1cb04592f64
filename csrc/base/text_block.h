/* SPDX-License-Identifier: MIT
 * Text of several lines from outside, made to stand in a log below a line of the server's. */
#ifndef CLUTCH_TEXT_BLOCK_H
#define CLUTCH_TEXT_BLOCK_H

#include "attrs.h"
#include "buf.h"
#include "slice.h"

/* A line of the server's own begins with '[' in its first column. */
#define TEXT_BLOCK_INDENT "    "

/* Appends UTF-8 text so that nothing in it can pass for a line of the server's, nor move a terminal's cursor: each of
 * its lines, the empty ones too, begins with TEXT_BLOCK_INDENT, the last one is ended, and control characters other
 * than tab (C0, DEL, C1), separators of lines and marks of writing direction become \xHH, byte by byte. All else is
 * left as it is. Returns 0, or -ENOMEM with a part of it appended. */
int text_block_append(struct buf *out, struct slice text) MUST_CHECK;

/* Copies a text that is to be one line into `out`, where ends of lines within it are escaped as well, and nothing is
 * indented or ended. Returns its length; what does not fit `size` is left out. */
size_t text_block_copy_line(char *out, size_t size, struct slice text);

#endif
