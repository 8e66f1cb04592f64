/* SPDX-License-Identifier: MIT
 * Which forms of --help there are, and the judgements that the completions of all shells share. */
#include "help_forms.h"

#include <string.h>
#include <strings.h>

#include "attrs.h"

static const struct {
    const char *name;
    enum help_form form;
    void (*print)(FILE *out);
} forms[] = {
    {"", HELP_TEXT, config_print_help},
    {"markdown", HELP_MARKDOWN, config_print_markdown},
    {"man", HELP_MAN, config_print_man},
    {"bash", HELP_BASH, config_print_bash},
    {"zsh", HELP_ZSH, config_print_zsh},
    {"fish", HELP_FISH, config_print_fish},
    {"migration-uwsgi", HELP_MIGRATION_UWSGI, config_print_migration_uwsgi},
    {"migration-gunicorn", HELP_MIGRATION_GUNICORN, config_print_migration_gunicorn},
};

const char help_forms_names[] = "markdown, man, bash, zsh or fish";

const char help_text_values[] =
    "TIME is a number with ms, s, m or h (500ms, 1.5s, 2m); without a unit it is seconds. SIZE is a number with k, m "
    "or "
    "g (64k, 1.5m, powers of 1024); without a unit it is bytes. An option is written --name VALUE or --name=VALUE; a "
    "flag can be switched off with --no-name or --name=no.";

const char help_text_variables[] =
    "Every option above Information is also read from the environment: --log-level from CLUTCH_LOG_LEVEL, APP from "
    "CLUTCH_APP; the items of an option that may be repeated are parted by commas there. An empty variable counts as "
    "unset.";

const char help_text_files[] =
    "A file that --config names is an ini file with the section [clutch]: lines of `name = value`, where name is an "
    "option without its dashes, or app; a flag is yes or no, an option that may be repeated has several lines. The "
    "command line wins over the environment, the environment over files, files over defaults; what wins replaces the "
    "whole list of an option that may be repeated.";

bool help_forms_find(const char *name, enum help_form *form)
{
    for (size_t i = 1; i < ARRAY_COUNT(forms); i++) {
        if (strcasecmp(forms[i].name, name) == 0) {
            *form = forms[i].form;
            return true;
        }
    }
    return false;
}

void config_print_help_form(enum help_form form, FILE *out)
{
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        if (forms[i].form == form)
            forms[i].print(out);
    }
}

static enum completion completion_of_text(const char *value)
{
    static const struct {
        const char *value;
        enum completion completion;
    } meanings[] = {
        {"FILE", COMPLETE_FILES}, {"PATH", COMPLETE_FILES},         {"DIR", COMPLETE_DIRECTORIES},
        {"USER", COMPLETE_USERS}, {"USER[:GROUP]", COMPLETE_USERS}, {"GROUP", COMPLETE_GROUPS},
    };

    for (size_t i = 0; i < ARRAY_COUNT(meanings); i++) {
        if (strcmp(meanings[i].value, value) == 0)
            return meanings[i].completion;
    }
    return COMPLETE_TEXT;
}

enum completion completion_of(const struct option_name *name)
{
    const struct option *option;

    if (!name->takes_value)
        return COMPLETE_NOTHING;
    if (name->role == NAME_APP)
        return name->is_file ? COMPLETE_PYTHON_FILES : COMPLETE_TEXT;
    if (name->role == NAME_NO_EFFECT)
        return COMPLETE_TEXT;
    option = &options_table[name->id];
    if (option->kind == KIND_CHOICE || option->kind == KIND_WORKERS)
        return COMPLETE_WORDS;
    return option->kind == KIND_WORDS ? COMPLETE_LIST : completion_of_text(option->value);
}

void completion_print_words(FILE *out, const struct option_name *name, const char *between)
{
    const struct option *option = &options_table[name->id];
    struct slice word = {0};
    const char *before = "";

    while (options_next_word(option, &word)) {
        if (option->kind == KIND_WORKERS && slice_equal(word, SLICE("N")))
            continue;
        fprintf(out, "%s%.*s", before, (int)word.len, word.ptr);
        before = between;
    }
}

struct slice completion_summary(const struct option_name *name)
{
    const char *help = name->why;
    size_t len, depth = 0;

    if (name->role == NAME_APP)
        help = name->is_file ? "APP is a Python file" : "APP is a module";
    else if (name->role != NAME_NO_EFFECT)
        help = options_table[name->id].help;
    for (len = 0; help[len] != '\0' && (help[len] != ';' || depth > 0); len++)
        depth += (size_t)(help[len] == '(') - (size_t)(help[len] == ')');
    return slice_of(help, len);
}

bool completion_is_known(const struct option_name *name)
{
    bool is_option = name->role == NAME_OWN || name->role == NAME_ALIAS;

    return !is_option || !options_is_hidden(&options_table[name->id]);
}

bool completion_is_offered(const struct option_name *name)
{
    return name->role == NAME_OWN && completion_is_known(name);
}

bool completion_has_negative(const struct option_name *name)
{
    const struct option *option = &options_table[name->id];

    return option->kind == KIND_FLAG && option->default_value != NULL && strcmp(option->default_value, "yes") == 0;
}

bool completion_next_option(const struct command_description *command, struct slice *option)
{
    const char *start = strstr(option->ptr == NULL ? command->usage : option->ptr + option->len, "--");

    if (start == NULL)
        return false;
    *option = slice_of(start, 2 + strspn(start + 2, "abcdefghijklmnopqrstuvwxyz0123456789-"));
    return true;
}

void completion_print_quoted(FILE *out, struct slice text, const char *special, const char *quote)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'') {
            fputs(quote, out);
            continue;
        }
        if (strchr(special, text.ptr[i]) != NULL)
            fputc('\\', out);
        fputc(text.ptr[i], out);
    }
}
