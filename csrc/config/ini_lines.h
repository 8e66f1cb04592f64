/* SPDX-License-Identifier: MIT
 * An ini file as lines: what inih reads of it, with the number of every line and a word about those it cannot read.
 * Private to this folder. */
#ifndef CLUTCH_INI_LINES_H
#define CLUTCH_INI_LINES_H

#include <stdbool.h>

#include "mistakes.h"
#include "slice.h"

/* `key = value` in [clutch] or [uwsgi]; blanks around both are gone. Borrowed for the call. */
struct ini_line {
    const char *key, *value;
    unsigned number; /* from 1 */
    bool is_uwsgi;
};

typedef void ini_line_fn(void *context, const struct ini_line *);

/* Calls back for every setting in [clutch] and [uwsgi], in the order of the text. A line begins with ';' or '#' when it
 * is a comment; there are none behind values, and no values over several lines. In [uwsgi] a name alone has the value
 * "true". Mistakes ("shop.ini:3: ...", where
 * `file` is printable): lines that are no setting, have a NUL byte or are too long, settings before any section, no
 * section of ours. Other sections are passed over with one warning. Returns 0 or -ENOMEM. */
int ini_lines_read(const char *file, struct slice text, struct mistakes *, ini_line_fn *, void *context) MUST_CHECK;

#endif
