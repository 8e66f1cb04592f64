/* SPDX-License-Identifier: MIT
 * The answer to --help=bash: completion of the command line. It needs bash 4.4 and nothing else; where bash's own
 * separator cuts --name=VALUE in three words, the script looks at the three. */
#include "help_forms.h"

static const char opening[] =
    "# Completion of clutch for bash, made by clutch --help=bash.\n"
    "\n"
    "_clutch_files() # compgen's options\n"
    "{\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    mapfile -t COMPREPLY < <(compgen \"$@\" -- \"$current\" | sort -u)\n"
    "}\n"
    "\n"
    "_clutch_apps() # Python files, and directories on the way to them\n"
    "{\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    mapfile -t COMPREPLY < <({ compgen -d -- \"$current\"; compgen -f -X '!*.py' -- \"$current\"; } | sort -u)\n"
    "}\n"
    "\n"
    "_clutch_words() # a list of words\n"
    "{\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$current\")\n"
    "}\n"
    "\n"
    "_clutch_list() # a list of words, of which several may be given with commas between\n"
    "{\n"
    "    local before=\n"
    "    [[ $current != *,* ]] || before=${current%,*},\n"
    "    mapfile -t COMPREPLY < <(compgen -P \"$before\" -W \"$1\" -- \"${current##*,}\")\n"
    "}\n"
    "\n"
    "_clutch()\n"
    "{\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    COMPREPLY=()\n"
    "    if [[ $current == '=' ]]; then\n"
    "        current=\n"
    "    elif [[ $option == '=' ]] && ((COMP_CWORD > 1)); then\n"
    "        option=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n";

static void print_action(FILE *out, const struct option_name *name)
{
    static const char *const actions[] = {
        [COMPLETE_TEXT] = ":",
        [COMPLETE_FILES] = "_clutch_files -f",
        [COMPLETE_PYTHON_FILES] = "_clutch_apps",
        [COMPLETE_DIRECTORIES] = "_clutch_files -d",
        [COMPLETE_USERS] = "mapfile -t COMPREPLY < <(compgen -u -- \"$current\")",
        [COMPLETE_GROUPS] = "mapfile -t COMPREPLY < <(compgen -g -- \"$current\")",
    };
    enum completion completion = completion_of(name);

    if (completion == COMPLETE_WORDS || completion == COMPLETE_LIST) {
        fprintf(out, "_clutch_%s '", completion == COMPLETE_LIST ? "list" : "words");
        completion_print_words(out, name, " ");
        fputc('\'', out);
    } else {
        fputs(actions[completion], out);
    }
}

/* The names that mean the same are one case. */
static bool is_same(const struct option_name *first, const struct option_name *other)
{
    bool is_option = first->role == NAME_OWN && (other->role == NAME_OWN || other->role == NAME_ALIAS);

    return other == first || (is_option && other->id == first->id);
}

static void print_value_cases(FILE *out)
{
    fputs("    case $option in\n", out);
    for (size_t i = 0; i < options_names_count; i++) {
        const struct option_name *first = &options_names[i];
        const char *before = "        ";

        if (!first->takes_value || first->role == NAME_ALIAS || !completion_is_known(first))
            continue;
        for (size_t k = i; k < options_names_count; k++) {
            if (!is_same(first, &options_names[k]))
                continue;
            if (options_names[k].name != NULL) {
                fprintf(out, "%s--%s", before, options_names[k].name);
                before = " | ";
            }
            if (options_names[k].short_name != 0) {
                fprintf(out, "%s-%c", before, options_names[k].short_name);
                before = " | ";
            }
        }
        fputs(") ", out);
        print_action(out, first);
        fputs("; return ;;\n", out);
    }
    fputs("    esac\n", out);
}

static void print_commands(FILE *out)
{
    if (commands_table[0].name == NULL)
        return;
    fputs("    if ((COMP_CWORD > 1)); then\n        case ${COMP_WORDS[1]} in\n", out);
    for (const struct command_description *command = commands_table; command->name != NULL; command++) {
        struct slice option = {0};

        fprintf(out, "            %s) if [[ $current == -* ]]; then _clutch_words '", command->name);
        while (completion_next_option(command, &option))
            fprintf(out, "%.*s ", (int)option.len, option.ptr);
        fputs("'; else _clutch_files -f; fi; return ;;\n", out);
    }
    fputs("        esac\n    fi\n", out);
}

static void print_names(FILE *out)
{
    fputs("    if [[ $current == -* ]]; then\n        _clutch_words '", out);
    for (size_t i = 0; i < options_names_count; i++) {
        const struct option_name *name = &options_names[i];

        if (!completion_is_offered(name))
            continue;
        fprintf(out, "--%s ", name->name);
        if (completion_has_negative(name))
            fprintf(out, "--no-%s ", name->name);
    }
    fputs("'\n        return\n    fi\n", out);
}

static void print_positional(FILE *out)
{
    fputs("    _clutch_apps\n", out);
    if (commands_table[0].name == NULL)
        return;
    fputs("    if ((COMP_CWORD == 1)); then\n        mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W '", out);
    for (const struct command_description *command = commands_table; command->name != NULL; command++)
        fprintf(out, "%s ", command->name);
    fputs("' -- \"$current\")\n    fi\n", out);
}

void config_print_bash(FILE *out)
{
    fputs(opening, out);
    print_value_cases(out);
    print_commands(out);
    print_names(out);
    print_positional(out);
    fputs("}\n\ncomplete -F _clutch clutch\n", out);
}
