/* SPDX-License-Identifier: MIT
 * The answer to --help=zsh: completion of the command line, as a function that zsh loads itself (fpath). */
#include "help_forms.h"

static const char zsh_quote[] = "'\\''";

/* A special byte of the specifications of _arguments has a backslash before it. */
static void print_text(FILE *out, struct slice text)
{
    completion_print_quoted(out, text, "[]:\\", zsh_quote);
}

static void print_action(FILE *out, const struct option_name *name)
{
    static const char *const actions[] = {
        [COMPLETE_TEXT] = " ",
        [COMPLETE_FILES] = "_files",
        [COMPLETE_PYTHON_FILES] = "_files -g \"*.py(-.)\"",
        [COMPLETE_DIRECTORIES] = "_files -/",
        [COMPLETE_USERS] = "_users",
        [COMPLETE_GROUPS] = "_groups",
    };
    enum completion completion = completion_of(name);

    if (completion == COMPLETE_WORDS) {
        fputc('(', out);
        completion_print_words(out, name, " ");
        fputc(')', out);
    } else if (completion == COMPLETE_LIST) {
        fputs("_values -s , word ", out);
        completion_print_words(out, name, " ");
    } else {
        fputs(actions[completion], out);
    }
}

static const char *value_of(const struct option_name *name)
{
    if (name->role == NAME_APP)
        return name->is_file ? "FILE" : "MODULE";
    return name->role == NAME_NO_EFFECT ? "VALUE" : options_table[name->id].value;
}

/* One specification: '*--bind=[where to listen]:ADDRESS: '. A name that is not offered begins with '!'. */
static void print_spec(FILE *out, const struct option_name *name, const char *spelling, bool is_long)
{
    const struct option *option = name->role == NAME_OWN || name->role == NAME_ALIAS ? &options_table[name->id] : NULL;
    bool is_list = option != NULL && (option->kind == KIND_LIST || option->kind == KIND_PATHS);

    fprintf(out, "    '%s%s%s", completion_is_offered(name) ? "" : "!", is_list ? "*" : "", spelling);
    if (name->takes_value)
        fputc(is_long ? '=' : '+', out);
    fputc('[', out);
    print_text(out, completion_summary(name));
    fputc(']', out);
    if (name->takes_value) {
        fputc(':', out);
        print_text(out, slice_of_string(value_of(name)));
        fputc(':', out);
        print_action(out, name);
    }
    fputs("' \\\n", out);
}

static void print_specs(FILE *out)
{
    char spelling[64];

    for (size_t i = 0; i < options_names_count; i++) {
        const struct option_name *name = &options_names[i];

        if (!completion_is_known(name))
            continue;
        if (name->name != NULL) {
            snprintf(spelling, sizeof(spelling), "--%s", name->name);
            print_spec(out, name, spelling, true);
        }
        if (name->short_name != 0) {
            snprintf(spelling, sizeof(spelling), "-%c", name->short_name);
            print_spec(out, name, spelling, false);
        }
        if (name->name != NULL && completion_is_offered(name) && completion_has_negative(name))
            fprintf(out, "    '--no-%s[switch --%s off]' \\\n", name->name, name->name);
    }
}

static void print_commands(FILE *out)
{
    if (commands_table[0].name == NULL)
        return;
    fputs("  local -a commands=(\n", out);
    for (const struct command_description *command = commands_table; command->name != NULL; command++) {
        fprintf(out, "    '%s:", command->name);
        completion_print_quoted(out, slice_of_string(command->help), "\\", zsh_quote);
        fputs("'\n", out);
    }
    fputs("  )\n  if (( CURRENT > 2 )); then\n    case $words[2] in\n", out);
    for (const struct command_description *command = commands_table; command->name != NULL; command++) {
        struct slice option = {0};

        fprintf(out, "      %s) compadd --", command->name);
        while (completion_next_option(command, &option))
            fprintf(out, " %.*s", (int)option.len, option.ptr);
        fputs("; _files; return ;;\n", out);
    }
    fputs("    esac\n  else\n    _describe -t commands command commands\n  fi\n", out);
}

void config_print_zsh(FILE *out)
{
    fputs("#compdef clutch\n# Completion of clutch for zsh, made by clutch --help=zsh.\n\n_clutch() {\n", out);
    print_commands(out);
    fputs("  _arguments -s \\\n", out);
    print_specs(out);
    fputs("    '*:application:_files -g \"*.py(-.)\"'\n}\n\n_clutch \"$@\"\n", out);
}
