/* SPDX-License-Identifier: MIT
 * The answer to --help=man: the manual page clutch(1), in the language man(7). */
#include <string.h>

#include "describe.h"
#include "help_forms.h"

enum { LINE_COLUMNS = 76 };

static const char description[] =
    ".SH DESCRIPTION\n"
    "clutch serves a Python application that speaks WSGI (PEP 3333).\n"
    "A master, which never runs Python, forks workers;\n"
    "each worker embeds a CPython of its own, with a GIL of its own.\n"
    "No request waits while any worker is free,\n"
    "and no slow client holds an application thread.\n"
    ".P\n"
    "\\fIAPP\\fR is one of\n"
    ".TP\n"
    "\\fImodule\\fR\\fB:\\fR\\fIcallable\\fR\n"
    "an object of an importable module\n"
    ".TP\n"
    "\\fImodule\\fR\n"
    "its \\fBapplication\\fR, or else its \\fBapp\\fR\n"
    ".TP\n"
    "\\fIpath\\fR\\fB/\\fR\\fIfile\\fR\\fB.py\\fR, \\fIpath\\fR\\fB/\\fR\\fIfile\\fR\\fB.py:\\fR\\fIcallable\\fR\n"
    "a file, likewise\n";

static const char closing[] = ".SH SIGNALS\n"
                              ".TP\n"
                              "\\fBTERM\\fR, \\fBINT\\fR\n"
                              "Finish what is running, up to \\fB\\-\\-graceful\\-timeout\\fR, and stop.\n"
                              "A second one stops at once.\n"
                              ".TP\n"
                              "\\fBQUIT\\fR\n"
                              "Stop at once.\n"
                              ".TP\n"
                              "\\fBHUP\\fR\n"
                              "Load the application anew, in workers beside the old ones.\n"
                              "These end when the new ones are ready; they stay when that fails.\n"
                              ".TP\n"
                              "\\fBUSR1\\fR\n"
                              "Open the log files again.\n"
                              ".TP\n"
                              "\\fBUSR2\\fR\n"
                              "Start the program anew, with changed options or of another version, beside this one.\n"
                              "It takes over when it is ready; this one stays when that fails.\n"
                              ".SH EXIT STATUS\n"
                              ".TP\n"
                              "0\n"
                              "It was stopped.\n"
                              ".TP\n"
                              "1\n"
                              "It could not go on.\n"
                              ".TP\n"
                              "2\n"
                              "An option is wrong.\n"
                              ".TP\n"
                              "3\n"
                              "The application could not be loaded.\n"
                              ".SH EXAMPLES\n"
                              ".nf\n"
                              "clutch app_main.py\n"
                              "clutch \\-b 0.0.0.0:8000 \\-w 5 \\-\\-access\\-logfile \\- app_main:application\n"
                              "clutch \\-b unix:/run/app.sock \\-\\-chdir /srv/app \\-\\-venv venv project.wsgi\n"
                              "CLUTCH_APP=app_main CLUTCH_WORKERS=5 clutch\n"
                              ".fi\n"
                              ".SH SEE ALSO\n"
                              ".BR python3 (1),\n"
                              ".BR systemd.service (5)\n";

/* What has a meaning in roff gets its escape; `a` becomes bold. */
static void print_byte(FILE *out, char byte, bool *is_bold)
{
    static const char *const escapes[128] = {
        ['\\'] = "\\e", ['-'] = "\\-", ['\''] = "\\(aq", ['^'] = "\\(ha", ['~'] = "\\(ti",
    };

    if (byte == '`') {
        *is_bold = !*is_bold;
        fputs(*is_bold ? "\\fB" : "\\fR", out);
    } else if (byte > 0 && escapes[(int)byte] != NULL) {
        fputs(escapes[(int)byte], out);
    } else {
        fputc(byte, out);
    }
}

/* In lines of LINE_COLUMNS; none of them begins like a request. */
static void print_text(FILE *out, const char *text)
{
    size_t column = 0;
    bool is_bold = false;

    while (*text != '\0') {
        size_t len = strcspn(text, " ");

        if (column > 0 && column + len > LINE_COLUMNS) {
            fputc('\n', out);
            column = 0;
        }
        fputs(column > 0 ? " " : (*text == '.' || *text == '\'') ? "\\&" : "", out);
        column += 1 + len;
        for (; len > 0; len--)
            print_byte(out, *text++, &is_bold);
        text += *text == ' ';
    }
    fputc('\n', out);
}

/* A text within a line, in one of the fonts R, B and I. */
static void print_word(FILE *out, char font, const char *word)
{
    bool is_bold = false;

    fprintf(out, "\\f%c", font);
    while (*word != '\0')
        print_byte(out, *word++, &is_bold);
    fputs("\\fR", out);
}

static void print_names(FILE *out, enum option_id id)
{
    const char *before = "";

    for (size_t i = 0; i < options_names_count; i++) {
        const struct option_name *name = &options_names[i];
        char spelling[80];

        if ((name->role != NAME_OWN && name->role != NAME_ALIAS) || name->id != id)
            continue;
        if (name->name != NULL) {
            fputs(before, out);
            snprintf(spelling, sizeof(spelling), "--%s", name->name);
            print_word(out, 'B', spelling);
            before = ", ";
        }
        if (name->short_name != 0) {
            fputs(before, out);
            snprintf(spelling, sizeof(spelling), "-%c", name->short_name);
            print_word(out, 'B', spelling);
            before = ", ";
        }
        if (name->role == NAME_OWN && options_table[id].value[0] != '\0') {
            fputc(' ', out);
            print_word(out, 'I', options_table[id].value);
        }
    }
    fputc('\n', out);
}

static void print_option(FILE *out, enum option_id id)
{
    const struct option *option = &options_table[id];
    struct description bounds = describe_bounds(option);

    fputs(".TP\n", out);
    print_names(out, id);
    print_text(out, option->help);
    if (option->kind == KIND_LIST || option->kind == KIND_PATHS)
        fputs(".br\nMay be repeated.\n", out);
    if (bounds.text[0] != '\0') {
        fputs(".br\nAllowed: ", out);
        print_text(out, bounds.text);
    }
    if (option->default_value != NULL) {
        fputs(".br\nDefault: ", out);
        print_text(out, option->default_value);
    }
}

static void print_groups(FILE *out)
{
    const char *group = "";

    fputs(".SH OPTIONS\n", out);
    print_text(out, help_text_values);
    for (enum option_id id = 0; id < OPTIONS_COUNT; id++) {
        if (options_is_hidden(&options_table[id]))
            continue;
        if (strcmp(group, options_table[id].group) != 0)
            fprintf(out, ".SS %s\n", options_table[id].group);
        group = options_table[id].group;
        print_option(out, id);
    }
}

/* The names of one role, each with what it is. */
static void print_others(FILE *out, enum name_role role, const char *title)
{
    fprintf(out, ".SS %s\n", title);
    for (size_t i = 0; i < options_names_count; i++) {
        const struct option_name *name = &options_names[i];
        char spelling[80];

        if (name->role != role)
            continue;
        fputs(".TP\n", out);
        snprintf(spelling, sizeof(spelling), "--%s", name->name);
        print_word(out, 'B', spelling);
        if (name->takes_value) {
            fputc(' ', out);
            print_word(out, 'I', role == NAME_NO_EFFECT ? "VALUE" : name->is_file ? "FILE" : "MODULE");
        }
        if (name->short_name != 0) {
            snprintf(spelling, sizeof(spelling), "-%c", name->short_name);
            fputs(", ", out);
            print_word(out, 'B', spelling);
        }
        fputc('\n', out);
        if (role == NAME_NO_EFFECT)
            print_text(out, name->why);
        else
            print_text(out, name->is_file ? "a Python file, whatever its name, with `:callable` if wanted"
                                          : "a module, with `:callable` if wanted");
    }
}

static void print_commands(FILE *out)
{
    if (commands_table[0].name != NULL)
        fputs(".SH COMMANDS\nA command is the first word behind \\fBclutch\\fR.\n", out);
    for (const struct command_description *command = commands_table; command->name != NULL; command++) {
        fputs(".TP\n", out);
        print_word(out, 'B', command->name);
        fputc(' ', out);
        print_word(out, 'R', command->usage);
        fputc('\n', out);
        print_text(out, command->help);
    }
}

void config_print_man(FILE *out)
{
    fprintf(out, ".\\\" Made by clutch --help=man.\n.TH CLUTCH 1 %s \"clutch %s\" \"User Commands\"\n",
            CLUTCH_VERSION_DATE, CLUTCH_VERSION_STRING);
    fputs(".SH NAME\nclutch \\- serve Python WSGI applications over HTTP\n"
          ".SH SYNOPSIS\n\\fBclutch\\fR [\\fIoptions\\fR] \\fIAPP\\fR\n",
          out);
    if (commands_table[0].name != NULL)
        fputs(".br\n\\fBclutch\\fR \\fIcommand\\fR ...\n", out);
    fputs(description, out);
    print_groups(out);
    print_others(out, NAME_APP, "uWSGI's ways to say APP");
    print_others(out, NAME_NO_EFFECT, "Accepted and without effect, because it is always so");
    print_commands(out);
    fputs(".SH ENVIRONMENT\n", out);
    print_text(out, help_text_variables);
    fputs(".SH FILES\n", out);
    print_text(out, help_text_files);
    fputs(closing, out);
}
