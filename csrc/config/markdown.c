/* SPDX-License-Identifier: MIT
 * The answer to --help=markdown: the reference page of all options. */
#include "attrs.h"
#include "commands.h"
#include "describe.h"
#include "suggest.h"

static const char introduction[] =
    "## Options\n"
    "\n"
    "`clutch [options] APP`, where APP is `module:callable`, `module` (then its `application`, or else its `app`),\n"
    "`path/file.py` or `path/file.py:callable`. An option is written `--name VALUE` or `--name=VALUE`, a short one\n"
    "`-w VALUE` or `-wVALUE`; a flag can be switched off with `--no-name` or `--name=no`.\n"
    "\n"
    "Every option but those under Information is also read from the environment: `--log-level` from\n"
    "`CLUTCH_LOG_LEVEL`, APP from `CLUTCH_APP`; the items of an option that may be repeated are parted by commas "
    "there.\n"
    "An empty variable counts as unset.\n"
    "\n"
    "A [configuration file](setup/configuration.md) has the options under the same names, without the dashes. The "
    "command\n"
    "line wins over the environment, the environment over files, files over defaults; what wins replaces the whole "
    "list "
    "of an\n"
    "option that may be repeated.\n"
    "\n"
    "TIME is a number with `ms`, `s`, `m` or `h` (`500ms`, `1.5s`, `2m`); without a unit it is seconds. SIZE is a "
    "number\n"
    "with `k`, `m` or `g` (`64k`, `1.5m`, powers of 1024); without a unit it is bytes.\n";

/* A '|' would end the cell of a table. */
static void print_cell(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void print_names(FILE *out, enum option_id id)
{
    const struct option *option = &options_table[id];

    fprintf(out, "`--%s%s", option->name, option->value[0] != '\0' && option->kind != KIND_CHOICE ? " " : "");
    if (option->kind != KIND_CHOICE)
        print_cell(out, option->value);
    fputc('`', out);
    for (size_t i = 0; i < options_names_count; i++) {
        const struct option_name *name = &options_names[i];

        if ((name->role != NAME_OWN && name->role != NAME_ALIAS) || name->id != id)
            continue;
        if (name->short_name != 0)
            fprintf(out, " `-%c`", name->short_name);
        if (name->role == NAME_ALIAS && name->name != NULL)
            fprintf(out, " `--%s`", name->name);
    }
}

static void print_allowed(FILE *out, const struct option *option)
{
    struct description bounds = describe_bounds(option);

    if (option->kind == KIND_CHOICE)
        fputs(describe_kind(option).text, out);
    else if (option->kind == KIND_FLAG)
        fputs("yes, no", out);
    else if (option->kind == KIND_WORKERS)
        fprintf(out, "%s, auto", bounds.text);
    else
        fputs(bounds.text, out);
}

static void print_option(FILE *out, enum option_id id)
{
    const struct option *option = &options_table[id];
    bool is_list = option->kind == KIND_LIST || option->kind == KIND_PATHS;

    fputs("| ", out);
    print_names(out, id);
    fprintf(out, " | %s%s%s | ", option->default_value != NULL ? "`" : "",
            option->default_value != NULL ? option->default_value : "", option->default_value != NULL ? "`" : "");
    print_allowed(out, option);
    fputs(" | ", out);
    print_cell(out, option->help);
    fprintf(out, "%s |\n", is_list ? "; may be repeated" : "");
}

static void print_groups(FILE *out)
{
    const char *group = "";

    for (enum option_id id = 0; id < OPTIONS_COUNT; id++) {
        if (options_is_hidden(&options_table[id]))
            continue;
        if (strcmp(group, options_table[id].group) != 0)
            fprintf(out, "\n### %s\n\n| Option | Default | Allowed | Meaning |\n|---|---|---|---|\n",
                    options_table[id].group);
        group = options_table[id].group;
        print_option(out, id);
    }
}

static void print_others(FILE *out)
{
    fputs("\n### uWSGI's ways to say APP\n\n| Option | Meaning |\n|---|---|\n", out);
    for (size_t i = 0; i < options_names_count; i++) {
        if (options_names[i].role == NAME_APP)
            fprintf(out, "| `--%s %s` | APP is a %s, with `:callable` if wanted |\n", options_names[i].name,
                    options_names[i].is_file ? "FILE" : "MODULE",
                    options_names[i].is_file ? "Python file, whatever its name" : "module");
    }
    fputs("\n### Accepted and without effect\n\n| Option | Because |\n|---|---|\n", out);
    for (size_t i = 0; i < options_names_count; i++) {
        const struct option_name *name = &options_names[i];

        if (name->role != NAME_NO_EFFECT)
            continue;
        fprintf(out, "| `--%s%s`", name->name, name->takes_value ? " VALUE" : "");
        if (name->short_name != 0)
            fprintf(out, " `-%c`", name->short_name);
        fprintf(out, " | %s |\n", name->why);
    }
}

static void print_commands(FILE *out)
{
    if (commands_table[0].name != NULL)
        fputs("\n### Commands\n\n| Command | Meaning |\n|---|---|\n", out);
    for (const struct command_description *command = commands_table; command->name != NULL; command++) {
        fprintf(out, "| `clutch %s %s` | ", command->name, command->usage);
        print_cell(out, command->help);
        fputs(" |\n", out);
    }
}

static void print_foreign(FILE *out)
{
    fputs("\n### Options of other servers that clutch does not have\n\n| Option | Instead |\n|---|---|\n", out);
    for (size_t i = 0; i < suggest_foreign_count; i++) {
        fprintf(out, "| `--%s`", suggest_foreign[i].name);
        if (suggest_foreign[i].short_name != 0)
            fprintf(out, " `-%c`", suggest_foreign[i].short_name);
        fprintf(out, " | %s |\n", suggest_foreign[i].instead);
    }
}

void config_print_markdown(FILE *out)
{
    fputs(introduction, out);
    print_groups(out);
    print_others(out);
    print_commands(out);
    print_foreign(out);
}
