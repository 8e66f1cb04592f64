/* SPDX-License-Identifier: MIT
 * Options in words. Pure functions on the table. */
#include "describe.h"

#include <inttypes.h>
#include <stdio.h>

#include "ledger.h"
#include "units.h"

static struct description describe_words(const struct option *option)
{
    struct description words = {"one of "};
    struct slice word = {0};
    size_t len = strlen(words.text);

    while (options_next_word(option, &word) && len < sizeof words.text)
        len += (size_t)snprintf(words.text + len, sizeof words.text - len, "%s%.*s",
                                len > strlen("one of ") ? ", " : "", (int)word.len, word.ptr);
    return words;
}

struct description describe_kind(const struct option *option)
{
    switch (option->kind) {
    case KIND_FLAG:
        return (struct description){"yes or no"};
    case KIND_COUNT:
        return (struct description){"a whole number"};
    case KIND_WORKERS:
        return (struct description){"a whole number or auto"};
    case KIND_DURATION:
        return (struct description){"a time such as 500ms, 10s, 2m or 1h"};
    case KIND_SIZE:
        return (struct description){"a size such as 8190, 64k, 1m or 2g"};
    case KIND_CHOICE:
    case KIND_WORDS:
        return describe_words(option);
    case KIND_OCTAL:
        return (struct description){"an octal number"};
    case KIND_STRING:
    case KIND_LIST:
    case KIND_PATHS:
    case KIND_ACTION:
        break;
    }
    return (struct description){"a text"};
}

static void format_number(char out[UNITS_TEXT_BYTES], enum option_kind kind, int64_t value)
{
    if (kind == KIND_DURATION)
        units_format_duration(out, value);
    else if (kind == KIND_SIZE)
        units_format_size(out, value);
    else if (kind == KIND_OCTAL)
        snprintf(out, UNITS_TEXT_BYTES, "%" PRIo64, (uint64_t)value);
    else
        snprintf(out, UNITS_TEXT_BYTES, "%" PRId64, value);
}

struct description describe_bounds(const struct option *option)
{
    struct description bounds = {""};
    char least[UNITS_TEXT_BYTES], most[UNITS_TEXT_BYTES];

    if (option->least >= option->most)
        return bounds;
    format_number(least, option->kind, option->least);
    format_number(most, option->kind, option->most);
    if (option->most == INT64_MAX)
        snprintf(bounds.text, sizeof bounds.text, "%s or more", least);
    else
        snprintf(bounds.text, sizeof bounds.text, "%s to %s", least, most);
    return bounds;
}

struct description describe_allowed(const struct option *option)
{
    struct description allowed = describe_kind(option), bounds = describe_bounds(option);
    size_t len = strlen(allowed.text);

    if (bounds.text[0] != '\0')
        snprintf(allowed.text + len, sizeof allowed.text - len, " (%.60s)", bounds.text);
    return allowed;
}

struct description describe_variable(const struct option *option)
{
    struct description variable = {"CLUTCH_"};
    size_t len = strlen(variable.text);

    for (const char *from = option->name; *from != '\0' && len < sizeof variable.text - 1; from++)
        variable.text[len++] = *from == '-' ? '_' : (char)(*from >= 'a' && *from <= 'z' ? *from - 'a' + 'A' : *from);
    return variable;
}

static int append_list(struct buf *out, const struct config_list *list)
{
    int error = list->count == 0 ? buf_append(out, SLICE("(none)")) : 0;

    for (size_t i = 0; i < list->count && error == 0; i++)
        error = buf_append_format(out, "%s%s", i > 0 ? ", " : "", list->items[i]);
    return error;
}

static int append_number(struct buf *out, const struct config *config, const struct option *option, int64_t value)
{
    char number[UNITS_TEXT_BYTES];
    bool is_auto = option->kind == KIND_WORKERS && config->ledger != NULL && config->ledger->workers_are_auto;

    if (option->kind == KIND_OCTAL && value < 0)
        return buf_append(out, SLICE("(none)"));
    if (option->kind == KIND_OCTAL)
        return buf_append_format(out, "%#" PRIo64, (uint64_t)value);
    format_number(number, option->kind, value);
    return buf_append_format(out, is_auto ? "auto (%s)" : "%s", number);
}

static int append_choice(struct buf *out, const struct option *option, int value)
{
    struct slice word = {0};

    for (int i = 0; i <= value; i++)
        if (!options_next_word(option, &word))
            break;
    return buf_append(out, word);
}

static int append_words(struct buf *out, const struct option *option, unsigned words)
{
    struct slice word = {0};
    const char *before = "";
    int error = words == 0 ? buf_append(out, SLICE("(none)")) : 0;

    for (unsigned bit = 1; options_next_word(option, &word) && error == 0; bit <<= 1) {
        if ((words & bit) == 0)
            continue;
        error = buf_append_format(out, "%s%.*s", before, (int)word.len, word.ptr);
        before = ",";
    }
    return error;
}

int describe_value(struct buf *out, const struct config *config, enum option_id id)
{
    const struct option *option = &options_table[id];
    const void *value = options_value(config, id);

    switch (option->kind) {
    case KIND_STRING: {
        const char *const *text = value;

        return buf_append(out, *text != NULL ? slice_of_string(*text) : SLICE("(none)"));
    }
    case KIND_LIST:
    case KIND_PATHS:
        return append_list(out, value);
    case KIND_FLAG:
    case KIND_ACTION:
        return buf_append(out, *(const bool *)value ? SLICE("yes") : SLICE("no"));
    case KIND_CHOICE:
        return append_choice(out, option, *(const int *)value);
    case KIND_WORDS:
        return append_words(out, option, *(const unsigned *)value);
    case KIND_COUNT:
    case KIND_WORKERS:
    case KIND_DURATION:
    case KIND_SIZE:
    case KIND_OCTAL:
        break;
    }
    return append_number(out, config, option, *(const int64_t *)value);
}
