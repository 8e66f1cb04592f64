/* SPDX-License-Identifier: MIT
 * Everything that is wrong with the options, gathered line by line and told at once. Private to this folder. */
#ifndef CLUTCH_MISTAKES_H
#define CLUTCH_MISTAKES_H

#include <stddef.h>
#include <stdio.h>

#include "attrs.h"
#include "slice.h"

struct mistakes {
    FILE *out; /* owned; writes to text */
    char *text;
    size_t len;
    size_t count; /* without warnings */
};

/* Returns 0 or -ENOMEM. */
int mistakes_init(struct mistakes *) MUST_CHECK;
void mistakes_fini(struct mistakes *);

/* One line each: "clutch: ..." and "clutch: warning: ...". */
void mistakes_add(struct mistakes *, const char *format, ...) PRINTF_LIKE(2, 3);
void mistakes_warn(struct mistakes *, const char *format, ...) PRINTF_LIKE(2, 3);

/* Writes all lines, and after mistakes how to get help. */
void mistakes_print(struct mistakes *, FILE *errors);

/* A text of the user as it can stand in a line: printable, and cut when it is very long. */
struct quoted {
    char text[200];
};
struct quoted mistakes_quote(struct slice text);

#endif
