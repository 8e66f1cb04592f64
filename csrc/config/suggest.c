/* SPDX-License-Identifier: MIT
 * Finds what an unknown name may have meant. Only runs when something is wrong already. */
#include "suggest.h"

#include <stdio.h>

#include "attrs.h"
#include "text.h"

const struct foreign_option suggest_foreign[] = {
#define FOREIGN(name, short_name, takes_value, instead) {name, short_name, takes_value, instead},
#include "foreign.def"
#undef FOREIGN
};
const size_t suggest_foreign_count = ARRAY_COUNT(suggest_foreign);

const struct foreign_option *suggest_find_foreign(struct slice name)
{
    for (size_t i = 0; i < suggest_foreign_count; i++) {
        if (slice_equal(name, slice_of_string(suggest_foreign[i].name)))
            return &suggest_foreign[i];
    }
    return NULL;
}

const struct foreign_option *suggest_find_foreign_short(char short_name)
{
    for (size_t i = 0; i < suggest_foreign_count; i++) {
        if (short_name != 0 && suggest_foreign[i].short_name == short_name)
            return &suggest_foreign[i];
    }
    return NULL;
}

/* A third of the letters may be wrong, but no more than three. */
static unsigned most_edits(size_t len)
{
    return len >= 9 ? 3 : len >= 6 ? 2 : len >= 3 ? 1 : 0;
}

static bool is_hidden(const struct option_name *name)
{
    return name->role == NAME_OWN && options_is_hidden(&options_table[name->id]);
}

static const struct option_name *find_nearest(struct slice name, bool own_only)
{
    const struct option_name *nearest = NULL, *longer = NULL;
    unsigned best = most_edits(name.len) + 1;
    char text[64];

    snprintf(text, sizeof text, "%.*s", (int)(name.len < sizeof text ? name.len : sizeof text - 1), name.ptr);
    for (size_t i = 0; i < options_names_count; i++) {
        const struct option_name *candidate = &options_names[i];
        unsigned distance;

        if (candidate->name == NULL || (own_only && candidate->role != NAME_OWN) || is_hidden(candidate))
            continue;
        distance = text_distance(text, candidate->name);
        if (distance < best) {
            best = distance;
            nearest = candidate;
        }
        if (longer == NULL && name.len >= 3 && strncmp(text, candidate->name, strlen(text)) == 0)
            longer = candidate;
    }
    return nearest != NULL ? nearest : longer;
}

const struct option_name *suggest_find_nearest(struct slice name)
{
    return find_nearest(name, false);
}

const struct option_name *suggest_find_nearest_own(struct slice name)
{
    return find_nearest(name, true);
}
