/* SPDX-License-Identifier: MIT
 * Figures in the text format of Prometheus, version 0.0.4: families of samples, each with its kind and a line of help.
 * Numbers are whole or, for seconds, have six decimals; no locale has a say. */
#ifndef CLUTCH_EXPOSITION_H
#define CLUTCH_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attrs.h"
#include "buf.h"
#include "histogram.h"

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct exposition {
    struct buf *out; /* borrowed */
    const char *family;
    bool lacks_memory; /* something could not be appended: all of it is worth nothing */
};

/* Begins a family: its samples follow. `type` is counter, gauge or histogram; the help has no line breaks and no
 * backslashes. Texts are borrowed until the next family. */
void exposition_family(struct exposition *, const char *name, const char *type, const char *help);

/* A sample of the family. `labels` is "" or `name="value",...`. */
void exposition_count(struct exposition *, const char *labels, uint64_t value);
void exposition_gauge(struct exposition *, const char *labels, int64_t value);
void exposition_seconds(struct exposition *, const char *labels, int64_t value_us);

/* All samples of a histogram without further labels. */
void exposition_histogram(struct exposition *, const struct histogram_sum *);

enum { EXPOSITION_LABEL_BYTES = 512 };

/* Writes `name="value"`, escaped, cut to fit `label` (EXPOSITION_LABEL_BYTES). Returns `label`. */
const char *exposition_label(char *label, const char *name, const char *value);

#endif
