/* SPDX-License-Identifier: MIT
 * The answer to --help=fish: completion of the command line, one line for each option. */
#include <string.h>

#include "help_forms.h"

static void print_text(FILE *out, struct slice text)
{
    fputc('\'', out);
    completion_print_quoted(out, text, "\\", "\\'");
    fputc('\'', out);
}

static void print_action(FILE *out, const struct option_name *name)
{
    static const char *const actions[] = {
        [COMPLETE_NOTHING] = "-f",
        [COMPLETE_TEXT] = "-x",
        [COMPLETE_FILES] = "-r -F",
        [COMPLETE_PYTHON_FILES] = "-x -a '(__fish_complete_suffix .py)'",
        [COMPLETE_DIRECTORIES] = "-x -a '(__fish_complete_directories)'",
        [COMPLETE_USERS] = "-x -a '(__fish_complete_users)'",
        [COMPLETE_GROUPS] = "-x -a '(__fish_complete_groups)'",
    };
    enum completion completion = completion_of(name);

    fputc(' ', out);
    if (completion == COMPLETE_WORDS || completion == COMPLETE_LIST) {
        fputs(completion == COMPLETE_LIST ? "-x -a '(__fish_append , " : "-x -a '", out);
        completion_print_words(out, name, " ");
        fputs(completion == COMPLETE_LIST ? ")'" : "'", out);
    } else {
        fputs(actions[completion], out);
    }
}

static void print_name(FILE *out, const struct option_name *name)
{
    fputs("complete -c clutch -n $server", out);
    if (name->name != NULL)
        fprintf(out, " -l %s", name->name);
    if (name->short_name != 0)
        fprintf(out, " -s %c", name->short_name);
    print_action(out, name);
    fputs(" -d ", out);
    if (name->role == NAME_ALIAS)
        fprintf(out, "'the same as --%s'", options_table[name->id].name);
    else
        print_text(out, completion_summary(name));
    fputc('\n', out);
    if (completion_is_offered(name) && completion_has_negative(name))
        fprintf(out, "complete -c clutch -n $server -l no-%s -f -d 'switch --%s off'\n", name->name, name->name);
}

static void print_command(FILE *out, const struct command_description *command)
{
    struct slice option = {0};

    fprintf(out, "complete -c clutch -n 'test (count (commandline -opc)) -eq 1' -a %s -d ", command->name);
    print_text(out, slice_of_string(command->help));
    fputc('\n', out);
    if (strstr(command->usage, "FILE") != NULL)
        fprintf(out, "complete -c clutch -n 'test \"$(commandline -opc)[2]\" = %s' -F\n", command->name);
    while (completion_next_option(command, &option))
        fprintf(out, "complete -c clutch -n 'test \"$(commandline -opc)[2]\" = %s' -l %.*s -r\n", command->name,
                (int)option.len - 2, option.ptr + 2);
}

static void print_commands(FILE *out)
{
    fputs("set -l server 'not contains -- \"$(commandline -opc)[2]\"", out);
    for (const struct command_description *command = commands_table; command->name != NULL; command++)
        fprintf(out, " %s", command->name);
    fputs("'\n", out);
    for (const struct command_description *command = commands_table; command->name != NULL; command++)
        print_command(out, command);
}

void config_print_fish(FILE *out)
{
    fputs("# Completion of clutch for fish, made by clutch --help=fish.\n"
          "complete -c clutch -f\n",
          out);
    print_commands(out);
    fputs("complete -c clutch -n $server -a '(__fish_complete_suffix .py)'\n", out);
    for (size_t i = 0; i < options_names_count; i++) {
        if (completion_is_known(&options_names[i]))
            print_name(out, &options_names[i]);
    }
}
