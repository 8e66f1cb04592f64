/* SPDX-License-Identifier: MIT
 * Looks settings of other servers up. A row may name an option that this build has not (yet): then it says why. */
#include "counterparts.h"

#include <stdio.h>

#include "suggest.h"

const struct counterpart_row counterparts_uwsgi[] = {
#include "uwsgi.def"
    {NULL, NULL, NULL, NULL},
};

const struct counterpart_row counterparts_gunicorn[] = {
#include "gunicorn.def"
    {NULL, NULL, NULL, NULL},
};

static const struct counterpart_row *find_row(const struct counterpart_row *rows, struct slice name)
{
    for (; rows->name != NULL; rows++) {
        if (slice_equal(name, slice_of_string(rows->name)))
            return rows;
    }
    return NULL;
}

/* What foreign.def says of an option, or that there is none. */
static const char *find_reason(struct slice name)
{
    const struct foreign_option *foreign = suggest_find_foreign(name);

    return foreign != NULL ? foreign->instead : "clutch has no such option";
}

static struct counterpart resolve(const struct counterpart_row *row)
{
    struct counterpart found = {.why = row->why};

    found.unit = row->unit;
    if (row->option != NULL)
        found.name = options_find_long(slice_of_string(row->option));
    if (found.name == NULL && found.why == NULL)
        found.why = find_reason(slice_of_string(row->option));
    return found;
}

struct counterpart counterparts_of_uwsgi(struct slice name)
{
    const struct counterpart_row *row = find_row(counterparts_uwsgi, name);
    const struct foreign_option *foreign = suggest_find_foreign(name);

    if (row != NULL)
        return resolve(row);
    return (struct counterpart){.name = options_find_long(name), .why = foreign != NULL ? foreign->instead : NULL};
}

bool counterparts_of_gunicorn(struct slice name, struct counterpart *found)
{
    const struct counterpart_row *row = find_row(counterparts_gunicorn, name);

    if (row != NULL)
        *found = resolve(row);
    return row != NULL;
}

struct counterpart_value counterparts_value(const struct counterpart *meaning, const char *value)
{
    struct counterpart_value result = {.text = value};
    size_t digits = strspn(value, "0123456789");

    if (meaning->unit == NULL || digits == 0 || value[digits] != '\0' || digits > 24)
        return result;
    snprintf(result.copy, sizeof result.copy, "%.24s%.2s", value, meaning->unit);
    result.text = NULL;
    return result;
}

bool counterparts_is_uwsgi_logic(const char *key)
{
    static const char *const words[] = {"for", "endfor", "end-for", "endif", "end-if", "if"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(key, words[i]) == 0)
            return true;
    }
    return strncmp(key, "if-", 3) == 0 || strncmp(key, "for-", 4) == 0;
}
