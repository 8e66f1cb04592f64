/* SPDX-License-Identifier: MIT
 * What the settings of other servers are here: uwsgi.def and gunicorn.def as data. */
#ifndef CLUTCH_COUNTERPARTS_H
#define CLUTCH_COUNTERPARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "options.h"
#include "slice.h"

/* A row of one of the tables. */
struct counterpart_row {
    const char *name;
    const char *option;    /* the name of ours that does it; NULL: none */
    const char *unit;      /* of a bare number, where ours would take it for another one; or NULL */
    const char *why;       /* what is so, and what to use; NULL where `option` says it all */
    const char *why_not_0; /* the same of the value 0, which is none for ours; NULL: 0 is like any other */
};

/* In the order of the tables; the last has no name. */
extern const struct counterpart_row counterparts_uwsgi[];
extern const struct counterpart_row counterparts_gunicorn[];

/* What a setting is here. */
struct counterpart {
    const struct option_name *name; /* NULL: nothing */
    const char *unit;               /* of a bare number, or NULL */
    const char *why;                /* then: what is so, and what to use; NULL: nobody has heard of that setting */
    bool is_uwsgi;
};

/* Of an option of uWSGI, for this value (NULL: any): what the table says; else the option of that name, of ours; else
 * what foreign.def says. */
struct counterpart counterparts_of_uwsgi(struct slice name, const char *value);

/* Of a setting in gunicorn.conf.py, `name` as written there (with underscores). False when gunicorn has none of that
 * name: then it is a variable of the file's own. */
bool counterparts_of_gunicorn(struct slice name, struct counterpart *);

/* The value as our option takes it: `value` itself, or a copy. Of uWSGI: a number ends where its digits end, whatever
 * stands behind a blank there, and gets its unit; an address without a port is the path of a unix socket; chmod-socket
 * alone is 666. */
struct counterpart_value {
    char copy[128];
    const char *text; /* borrowed from `value`, or NULL: see copy */
};
struct counterpart_value counterparts_value(const struct counterpart *, const char *value);

/* Whether an uWSGI key begins or ends a condition or a loop. */
bool counterparts_is_uwsgi_logic(const char *key);

#endif
