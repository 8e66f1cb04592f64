/* SPDX-License-Identifier: MIT
 * One setter per kind of option. */
#include "value.h"

#include <stdlib.h>

#include "describe.h"
#include "units.h"

/* One text on its way into one option. */
struct setting {
    struct config *config;
    struct mistakes *mistakes;
    enum option_id id;
    struct slice text;
    struct origin origin;
};

struct quoted value_label(const char *spelling, const struct option *option)
{
    struct quoted label = mistakes_quote(slice_of_string(spelling));

    if (spelling[0] == '-' && spelling[1] != '-' && strlen(spelling) == 2)
        snprintf(label.text, sizeof label.text, "%.2s (--%s)", spelling, option->name);
    return label;
}

/* `complaint` stands between the value and what is allowed: "is not", "is too small:". */
static void complain(const struct setting *setting, const char *complaint)
{
    const struct option *option = &options_table[setting->id];

    mistakes_add(setting->mistakes, "%s: '%s' %s %s", value_label(setting->origin.spelling, option).text,
                 mistakes_quote(setting->text).text, complaint, describe_allowed(option).text);
}

static bool append_item(const struct setting *setting, struct config_list *list, struct slice item)
{
    const char **items = realloc(list->items, (list->count + 1) * sizeof *items);

    if (items == NULL) {
        setting->config->ledger->is_out_of_memory = true;
        return false;
    }
    list->items = items;
    list->items[list->count++] = ledger_keep(setting->config->ledger, item);
    return true;
}

static bool set_list(const struct setting *setting, const char *separators)
{
    struct config_list *list = options_field(setting->config, setting->id);
    struct slice rest = setting->text;

    if (origin_compare(&setting->config->ledger->options[setting->id], &setting->origin) != 0)
        list->count = 0;
    while (rest.len > 0) {
        size_t len = 0;

        while (len < rest.len && strchr(separators, rest.ptr[len]) == NULL)
            len++;
        if (len > 0 && !append_item(setting, list, slice_of(rest.ptr, len)))
            return false;
        len += len < rest.len;
        rest = slice_of(rest.ptr + len, rest.len - len);
    }
    return true;
}

static bool set_flag(const struct setting *setting)
{
    bool *flag = options_field(setting->config, setting->id);

    if (units_parse_flag(setting->text, flag))
        return true;
    complain(setting, "is not");
    return false;
}

/* The number of the word that the text is; -1 after a mistake. */
static int find_word(const struct setting *setting)
{
    struct slice word = {0};

    for (int i = 0; options_next_word(&options_table[setting->id], &word); i++) {
        if (slice_equal_nocase(word, setting->text))
            return i;
    }
    complain(setting, "is not");
    return -1;
}

static bool set_choice(const struct setting *setting)
{
    int *choice = options_field(setting->config, setting->id), number = find_word(setting);

    if (number >= 0)
        *choice = number;
    return number >= 0;
}

static bool set_words(const struct setting *setting)
{
    unsigned *words = options_field(setting->config, setting->id), chosen = 0;
    struct setting item = *setting;
    struct slice rest = setting->text;

    while (rest.len > 0) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        int number;

        item.text = slice_of(rest.ptr, comma != NULL ? (size_t)(comma - rest.ptr) : rest.len);
        number = find_word(&item);
        if (number < 0)
            return false;
        chosen |= 1U << number;
        rest = slice_of(rest.ptr + item.text.len, rest.len - item.text.len);
        if (comma != NULL)
            rest = slice_of(comma + 1, rest.len - 1);
    }
    *words = chosen;
    return true;
}

static enum units_result parse_number(enum option_kind kind, struct slice text, int64_t *value)
{
    switch (kind) {
    case KIND_DURATION:
        return units_parse_duration(text, value);
    case KIND_SIZE:
        return units_parse_size(text, value);
    case KIND_OCTAL:
        return units_parse_octal(text, value);
    default:
        return units_parse_count(text, value);
    }
}

static bool set_number(const struct setting *setting)
{
    const struct option *option = &options_table[setting->id];
    int64_t *field = options_field(setting->config, setting->id), value = 0;
    enum units_result result = parse_number(option->kind, setting->text, &value);

    if (result == UNITS_DONE && value >= option->least && value <= option->most) {
        *field = value;
        return true;
    }
    if (result == UNITS_MALFORMED)
        complain(setting, "is not");
    else
        complain(setting, result == UNITS_DONE && value < option->least ? "is too small: it must be"
                                                                        : "is too large: it must be");
    return false;
}

static bool set_workers(const struct setting *setting)
{
    bool is_auto = slice_equal_nocase(setting->text, SLICE("auto"));

    if (!is_auto && !set_number(setting))
        return false;
    if (is_auto)
        *(int64_t *)options_field(setting->config, setting->id) = 0;
    setting->config->ledger->workers_are_auto = is_auto;
    return true;
}

static bool set_string(const struct setting *setting)
{
    *(const char **)options_field(setting->config, setting->id) = ledger_keep(setting->config->ledger, setting->text);
    return true;
}

static bool set_by_kind(const struct setting *setting)
{
    switch (options_table[setting->id].kind) {
    case KIND_STRING:
        return set_string(setting);
    case KIND_LIST:
        return set_list(setting, "");
    case KIND_PATHS:
        return set_list(setting, ",:");
    case KIND_FLAG:
        return set_flag(setting);
    case KIND_CHOICE:
        return set_choice(setting);
    case KIND_WORKERS:
        return set_workers(setting);
    case KIND_WORDS:
        return set_words(setting);
    case KIND_COUNT:
    case KIND_DURATION:
    case KIND_SIZE:
    case KIND_OCTAL:
        return set_number(setting);
    case KIND_ACTION:
        break;
    }
    return false;
}

void value_set(struct config *config, struct mistakes *mistakes, enum option_id id, struct slice text,
               struct origin origin)
{
    struct setting setting = {config, mistakes, id, text, origin};
    const struct option *option = &options_table[id];
    bool has_words = option->kind == KIND_CHOICE || option->kind == KIND_WORDS;

    if (text.len == 0)
        mistakes_add(mistakes, "%s: the value is empty: %s is needed", value_label(origin.spelling, option).text,
                     option->value[0] != '\0' && !has_words ? option->value : describe_allowed(option).text);
    else if (set_by_kind(&setting))
        config->ledger->options[id] = origin;
}

void value_set_defaults(struct config *config, struct mistakes *mistakes)
{
    struct origin origin = {.kind = ORIGIN_DEFAULT, .spelling = "default"};

    for (enum option_id id = 0; id < OPTIONS_COUNT; id++) {
        const struct option *option = &options_table[id];

        if (option->kind == KIND_OCTAL)
            *(int64_t *)options_field(config, id) = -1;
        config->ledger->options[id] = origin;
        if (option->default_value != NULL)
            value_set(config, mistakes, id, slice_of_string(option->default_value), origin);
    }
}

void value_free_all(struct config *config)
{
    for (enum option_id id = 0; id < OPTIONS_COUNT; id++) {
        if (options_table[id].kind == KIND_LIST || options_table[id].kind == KIND_PATHS) {
            struct config_list *list = options_field(config, id);

            free(list->items);
        }
    }
}
