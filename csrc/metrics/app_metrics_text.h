/* SPDX-License-Identifier: MIT
 * Pieces of Prometheus text (version 0.0.4): escaped strings, numbers. */
#ifndef CLUTCH_APP_METRICS_TEXT_H
#define CLUTCH_APP_METRICS_TEXT_H

#include <stdbool.h>

#include "slice.h"

struct buf;

struct app_text {
    struct buf *out; /* borrowed */
    int result;      /* 0, or -ENOMEM: nothing is added any more */
};

/* As it stands. */
void app_text_put(struct app_text *, struct slice);

/* Escaped as the value of a label, or as help, where quotes stand as they are. What is not UTF-8, and NUL, becomes '?'.
 */
void app_text_put_escaped(struct app_text *, struct slice, bool is_label);

/* The shortest digits that stand for the value, with a point whatever the locale says. */
void app_text_put_number(struct app_text *, double value);

/* Whether the value is a whole number that is written with all its digits. */
bool app_text_is_whole(double value);

#endif
