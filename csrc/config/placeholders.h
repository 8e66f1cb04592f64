/* SPDX-License-Identifier: MIT
 * What uWSGI puts in the place of %d, %(name) and $(NAME) in a value. Private to this folder. */
#ifndef CLUTCH_PLACEHOLDERS_H
#define CLUTCH_PLACEHOLDERS_H

#include "buf.h"
#include "slice.h"

enum { PLACEHOLDERS_MOST_BYTES = 16384 }; /* of a value with all that was put into it */

/* Where a value stands. */
struct placeholders {
    const char *path;         /* of the file, absolute */
    char *const *environment; /* or NULL */
    /* The value of an earlier key; NULL when there is none. */
    const char *(*find)(void *context, struct slice name);
    void *context;
};

/* Appends `text` to `out` with these replaced: %p the absolute path of the file, %d its directory with a '/' at the
 * end, %s its name, %n the same without its suffix, %e the suffix, %v the current directory, %k the number of CPUs
 * granted,
 * %(name) an earlier key, $(NAME) a variable of the environment. What names nothing stays as it is, but a variable that
 * is not set: then *unset is its name, else empty. Returns 0, -E2BIG or -ENOMEM. */
int placeholders_expand(struct buf *out, struct slice text, const struct placeholders *,
                        struct slice *unset) MUST_CHECK;

#endif
