/* SPDX-License-Identifier: MIT
 * The answers to --help=migration-uwsgi and --help=migration-gunicorn: every setting of that server and what it is
 * here, as tables for the guides (setup/reference puts them there). */
#include <string.h>

#include "config.h"
#include "counterparts.h"
#include "options.h"

/* Where a setting stands. */
enum place { PLACE_OPTION, PLACE_IDLE, PLACE_NONE, PLACES_COUNT };

static const struct {
    const char *heading, *columns;
} places[PLACES_COUNT] = {
    [PLACE_OPTION] = {"Done by an option", "| there | here | |\n|---|---|---|\n"},
    [PLACE_IDLE] = {"Accepted and without effect", "| there | because |\n|---|---|\n"},
    [PLACE_NONE] = {"Otherwise, or not at all", "| there | here |\n|---|---|\n"},
};

static enum place place_of(const struct counterpart *found)
{
    if (found->name == NULL)
        return PLACE_NONE;
    return found->name->role == NAME_NO_EFFECT ? PLACE_IDLE : PLACE_OPTION;
}

static void print_option(FILE *out, const struct counterpart_row *row, const struct counterpart *found)
{
    if (found->name->role == NAME_APP)
        fprintf(out, "| `%s` | APP |", row->name);
    else
        fprintf(out, "| `%s` | `--%s` |", row->name, options_table[found->name->id].name);
    if (found->unit != NULL)
        fprintf(out, " a number alone is in %s there, in bytes here |\n",
                strcmp(found->unit, "m") == 0 ? "MiB" : found->unit);
    else if (row->why_not_0 != NULL)
        fprintf(out, " not with 0: %s |\n", row->why_not_0);
    else
        fputs(" |\n", out);
}

static void print_row(FILE *out, enum place place, const struct counterpart_row *row, const struct counterpart *found)
{
    if (place_of(found) != place)
        return;
    if (place == PLACE_OPTION)
        print_option(out, row, found);
    else
        fprintf(out, "| `%s` | %s |\n", row->name, place == PLACE_IDLE ? found->name->why : found->why);
}

static void print_tables(FILE *out, const struct counterpart_row *rows, struct counterpart (*find)(const char *name))
{
    for (enum place place = 0; place < PLACES_COUNT; place++) {
        fprintf(out, "%s### %s\n\n%s", place > 0 ? "\n" : "", places[place].heading, places[place].columns);
        for (const struct counterpart_row *row = rows; row->name != NULL; row++) {
            struct counterpart found = find(row->name);

            print_row(out, place, row, &found);
        }
    }
}

static struct counterpart find_uwsgi(const char *name)
{
    return counterparts_of_uwsgi(slice_of_string(name), NULL);
}

static struct counterpart find_gunicorn(const char *name)
{
    struct counterpart found = {.name = NULL};

    counterparts_of_gunicorn(slice_of_string(name), &found);
    return found;
}

void config_print_migration_uwsgi(FILE *out)
{
    print_tables(out, counterparts_uwsgi, find_uwsgi);
}

void config_print_migration_gunicorn(FILE *out)
{
    print_tables(out, counterparts_gunicorn, find_gunicorn);
}
