/* SPDX-License-Identifier: MIT
 * The option table as arrays. Read-only; used by the master before the first fork. */
#include "options.h"

#include "attrs.h"

#define TAKES_VALUE(kind) (KIND_##kind != KIND_FLAG && KIND_##kind != KIND_ACTION)

const struct option options_table[OPTIONS_COUNT] = {
#define OPTION(kind, field, name, short_name, default_value, least, most, value, group, help)                          \
    {KIND_##kind, name, short_name, default_value, least, most, value, group, help, offsetof(struct config, field)},
#define ALIAS(name, short_name, field)
#define APP_ALIAS(name, short_name, is_file)
#define NO_EFFECT(name, short_name, takes_value, why)
#include "options.def"
#undef OPTION
#undef ALIAS
#undef APP_ALIAS
#undef NO_EFFECT
};

/* An alias takes a value exactly when its option does. */
enum {
#define OPTION(kind, field, name, short_name, default_value, least, most, value, group, help)                          \
    takes_value_##field = TAKES_VALUE(kind),
#define ALIAS(name, short_name, field)
#define APP_ALIAS(name, short_name, is_file)
#define NO_EFFECT(name, short_name, takes_value, why)
#include "options.def"
#undef OPTION
#undef ALIAS
#undef APP_ALIAS
#undef NO_EFFECT
};

const struct option_name options_names[] = {
#define OPTION(kind, field, name, short_name, default_value, least, most, value, group, help)                          \
    {name, short_name, NAME_OWN, OPTION_##field, false, takes_value_##field, NULL},
#define ALIAS(name, short_name, field) {name, short_name, NAME_ALIAS, OPTION_##field, false, takes_value_##field, NULL},
#define APP_ALIAS(name, short_name, is_file) {name, short_name, NAME_APP, OPTIONS_COUNT, is_file, true, NULL},
#define NO_EFFECT(name, short_name, takes_value, why)                                                                  \
    {name, short_name, NAME_NO_EFFECT, OPTIONS_COUNT, false, takes_value, why},
#include "options.def"
#undef OPTION
#undef ALIAS
#undef APP_ALIAS
#undef NO_EFFECT
};
const size_t options_names_count = ARRAY_COUNT(options_names);

const struct option_name *options_find_long(struct slice name)
{
    for (size_t i = 0; i < options_names_count; i++) {
        if (options_names[i].name != NULL && slice_equal(name, slice_of_string(options_names[i].name)))
            return &options_names[i];
    }
    return NULL;
}

const struct option_name *options_find_short(char short_name)
{
    for (size_t i = 0; i < options_names_count; i++) {
        if (short_name != 0 && options_names[i].short_name == short_name)
            return &options_names[i];
    }
    return NULL;
}

void *options_field(struct config *config, enum option_id id)
{
    return (char *)config + options_table[id].offset;
}

const void *options_value(const struct config *config, enum option_id id)
{
    return (const char *)config + options_table[id].offset;
}

bool options_is_hidden(const struct option *option)
{
    return option->group[0] == '\0';
}

bool options_next_word(const struct option *option, struct slice *word)
{
    const char *start = word->ptr == NULL ? option->value : word->ptr + word->len;

    if (word->ptr != NULL && *start == '\0')
        return false;
    if (*start == '|')
        start++;
    *word = slice_of(start, strcspn(start, "|"));
    return true;
}
