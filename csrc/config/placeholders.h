/* SPDX-License-Identifier: MIT
 * What uWSGI puts in the place of %d, %(name) and $(NAME) in a value. Private to this folder. */
#ifndef CLUTCH_PLACEHOLDERS_H
#define CLUTCH_PLACEHOLDERS_H

#include <stdbool.h>

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

/* What is to be told of a value. */
struct placeholders_lack {
    bool has_variables; /* some came from the environment */
    struct slice unset; /* the name of a variable that is not set; ptr NULL: none */
    char unknown;       /* the letter of a placeholder that clutch does not know; '\0': none */
};

/* Appends `text` to `out` with these replaced: %p the absolute path of the file, %d its directory with a '/' at the
 * end, %c the name of that directory, %s the file's name, %n the same without its suffix, %e the suffix, %x the
 * section, %v the current directory, %k the number of CPUs granted, %h the name of the machine, %u and %U number and
 * name of the user, %g and %G of the group, %% one %, %(name) an earlier key, $(NAME) a variable of the environment.
 * What names nothing stays as it is, and is told in `lack`. Returns 0, -E2BIG or -ENOMEM. */
int placeholders_expand(struct buf *out, struct slice text, const struct placeholders *,
                        struct placeholders_lack *) MUST_CHECK;

#endif
