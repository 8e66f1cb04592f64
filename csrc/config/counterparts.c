/* SPDX-License-Identifier: MIT
 * Looks settings of other servers up. A row may name an option that this build has not (yet): then it says why. */
#include "counterparts.h"

#include <stdio.h>

#include "suggest.h"

const struct counterpart_row counterparts_uwsgi[] = {
#include "uwsgi.def"
    {NULL, NULL, NULL, NULL, NULL},
};

const struct counterpart_row counterparts_gunicorn[] = {
#include "gunicorn.def"
    {NULL, NULL, NULL, NULL, NULL},
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

static bool is_0(const char *value)
{
    size_t zeros = strspn(value, "0");

    return zeros > 0 && (value[zeros] == '\0' || value[zeros] == ' ' || value[zeros] == '\t');
}

struct counterpart counterparts_of_uwsgi(struct slice name, const char *value)
{
    const struct counterpart_row *row = find_row(counterparts_uwsgi, name);
    const struct foreign_option *foreign = suggest_find_foreign(name);

    struct counterpart found = {.name = options_find_long(name), .why = foreign != NULL ? foreign->instead : NULL};

    if (row != NULL && row->why_not_0 != NULL && value != NULL && is_0(value))
        found = (struct counterpart){.why = row->why_not_0};
    else if (row != NULL)
        found = resolve(row);
    found.is_uwsgi = true;
    return found;
}

bool counterparts_of_gunicorn(struct slice name, struct counterpart *found)
{
    const struct counterpart_row *row = find_row(counterparts_gunicorn, name);

    if (row != NULL)
        *found = resolve(row);
    return row != NULL;
}

/* The kind of our option; KIND_STRING where it is none. */
static enum option_kind kind_of(const struct option_name *name)
{
    bool is_option = name != NULL && name->role != NAME_APP && name->role != NAME_NO_EFFECT;

    return is_option ? options_table[name->id].kind : KIND_STRING;
}

static bool is_path_of_socket(const struct counterpart *meaning, const char *value)
{
    return kind_of(meaning->name) == KIND_LIST && meaning->name->id == OPTION_bind && strchr(value, ':') == NULL &&
           value[strspn(value, "0123456789")] != '\0';
}

/* The name alone, which is true here, or 1: for everybody. */
static bool is_mode_for_all(const struct counterpart *meaning, const char *value)
{
    return kind_of(meaning->name) == KIND_OCTAL && meaning->name->id == OPTION_chmod_socket &&
           (strcmp(value, "true") == 0 || strcmp(value, "1") == 0);
}

/* Whether digits, and what uWSGI does not read behind them, are a number to our option. */
static bool has_remark(const struct counterpart *meaning, const char *behind)
{
    enum option_kind kind = kind_of(meaning->name);
    bool is_number =
        kind == KIND_COUNT || kind == KIND_WORKERS || kind == KIND_DURATION || kind == KIND_SIZE || kind == KIND_OCTAL;
    const char *remark = behind + strspn(behind, " \t");

    return is_number && remark > behind && (*remark == ';' || *remark == '#');
}

struct counterpart_value counterparts_value(const struct counterpart *meaning, const char *value)
{
    struct counterpart_value result = {.text = value};
    size_t digits = strspn(value, "0123456789");
    int len = (int)sizeof result.copy;

    if (!meaning->is_uwsgi)
        return result;
    if (is_mode_for_all(meaning, value))
        len = snprintf(result.copy, sizeof result.copy, "666");
    else if (is_path_of_socket(meaning, value))
        len = snprintf(result.copy, sizeof result.copy, "unix:%s", value);
    else if (digits > 0 && digits <= 24 && (value[digits] == '\0' || has_remark(meaning, value + digits)))
        len = snprintf(result.copy, sizeof result.copy, "%.*s%s", (int)digits, value,
                       meaning->unit != NULL ? meaning->unit : "");
    if (len < (int)sizeof result.copy)
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
