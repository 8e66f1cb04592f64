/* SPDX-License-Identifier: MIT
 * Options in words: what a value may be and what it is. Shared by messages, help, reference page and --print-config. */
#ifndef CLUTCH_DESCRIBE_H
#define CLUTCH_DESCRIBE_H

#include "buf.h"
#include "options.h"

struct description {
    char text[120];
};

/* "a whole number or auto", "one of debug, info, warning": what a value must be, without its bounds. */
struct description describe_kind(const struct option *);

/* "1 to 1024", "0 to 24h", "64 or more"; "" for kinds without bounds. */
struct description describe_bounds(const struct option *);

/* "a whole number or auto (1 to 1024)". */
struct description describe_allowed(const struct option *);

/* The option's environment variable: "CLUTCH_LOG_LEVEL". */
struct description describe_variable(const struct option *);

/* Appends the value of the option in `config` as it would be written, lists parted by ", "; "(none)" when it is unset.
 * Returns 0 or -ENOMEM. */
int describe_value(struct buf *, const struct config *, enum option_id) MUST_CHECK;

#endif
