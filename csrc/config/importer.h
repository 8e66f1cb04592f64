/* SPDX-License-Identifier: MIT
 * Another server's configuration as one of ours: settings go in one by one, the text of an ini file comes out. Used by
 * `clutch import-config` alone. */
#ifndef CLUTCH_IMPORTER_H
#define CLUTCH_IMPORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "attrs.h"

struct importer; /* what has gone in so far */

/* What a value was in the language it was written in. */
enum import_kind {
    IMPORT_TEXT,
    IMPORT_NUMBER, /* decimal; an option that is octal is written so */
    IMPORT_CODE,   /* a function: no values */
    IMPORT_OTHER,  /* nothing that an option could be: no values */
};

/* One setting of gunicorn's, by its name there. */
struct import_setting {
    const char *name;
    enum import_kind kind;
    const char *const *values; /* several for a list */
    size_t count;
};

/* `source`: the name of the file, `server`: "uWSGI" or "gunicorn"; both borrowed. NULL without memory. */
struct importer *importer_new(const char *source, const char *server) MUST_CHECK;
void importer_free(struct importer *);

/* Takes the section [uwsgi] of the ini file `source`. False after telling `errors` all that is wrong with it. */
bool importer_uwsgi(struct importer *, char *const *environment, FILE *errors) MUST_CHECK;

/* Takes one setting of gunicorn's; a name that gunicorn does not know is passed over, as it does. */
void importer_gunicorn(struct importer *, const struct import_setting *);

/* Writes the section [clutch], then as comments what is always so, and what has no counterpart, with a reason for each.
 * Returns 0 or -ENOMEM, when some setting could not be kept. */
int importer_print(const struct importer *, FILE *out) MUST_CHECK;

#endif
