/* SPDX-License-Identifier: MIT
 * The answer to --help, from the table. */
#include <sys/ioctl.h>
#include <unistd.h>

#include "attrs.h"
#include "buf.h"
#include "commands.h"
#include "describe.h"
#include "help_forms.h"

enum { TEXT_COLUMN = 28, LEAST_COLUMNS = 80, MOST_COLUMNS = 100 };

static const char usage[] = "Usage: clutch [options] APP\n"
                            "\n"
                            "Serves a Python WSGI application over HTTP.\n"
                            "\n"
                            "APP is one of\n"
                            "  module:callable      an object of an importable module, as in gunicorn\n"
                            "  module               its `application`, or else its `app`\n"
                            "  path/file.py         a file, likewise\n"
                            "  path/file.py:callable\n";

static const char examples[] = "Examples:\n"
                               "  clutch app_main.py\n"
                               "  clutch -b 0.0.0.0:8000 -w 5 --access-logfile - app_main:application\n"
                               "  clutch -b unix:/run/app.sock --chdir /srv/app --venv venv project.wsgi\n"
                               "  clutch --http 0.0.0.0:8000 --wsgi-file app_main.py --master --processes 5\n"
                               "  clutch --config shop.ini\n"
                               "  CLUTCH_APP=app_main CLUTCH_WORKERS=5 clutch\n";

static size_t find_width(FILE *out)
{
    struct winsize window = {0};

    if (ioctl(fileno(out), TIOCGWINSZ, &window) < 0 || window.ws_col < LEAST_COLUMNS)
        return LEAST_COLUMNS;
    return window.ws_col < MOST_COLUMNS ? window.ws_col : MOST_COLUMNS;
}

/* Writes `text` between the columns `indent` and `width`; the cursor stands at `column`. Ends the line. */
static void print_wrapped(FILE *out, struct slice text, size_t indent, size_t column, size_t width)
{
    bool is_line_start = true;

    if (column > 0 && column >= indent) {
        fputc('\n', out);
        column = 0;
    }
    while (text.len > 0) {
        const char *blank = memchr(text.ptr, ' ', text.len);
        size_t len = blank != NULL ? (size_t)(blank - text.ptr) : text.len;

        if (!is_line_start && column + 1 + len > width) {
            fputc('\n', out);
            column = 0;
            is_line_start = true;
        }
        if (is_line_start && column < indent)
            column += (size_t)fprintf(out, "%*s", (int)(indent - column), "");
        column += (size_t)fprintf(out, "%s%.*s", is_line_start ? "" : " ", (int)len, text.ptr);
        is_line_start = false;
        len += blank != NULL;
        text = slice_of(text.ptr + len, text.len - len);
    }
    fputc('\n', out);
}

static int append_aliases(struct buf *text, enum option_id id)
{
    const char *before = "; also ";
    int error = 0;

    for (size_t i = 0; i < options_names_count && error == 0; i++) {
        const struct option_name *name = &options_names[i];

        if (name->role != NAME_ALIAS || name->id != id)
            continue;
        if (name->name != NULL)
            error = buf_append_format(text, "%s--%s", before, name->name);
        before = name->name != NULL ? ", " : before;
        if (name->short_name != 0 && error == 0) {
            error = buf_append_format(text, "%s-%c", before, name->short_name);
            before = ", ";
        }
    }
    return error;
}

/* "where to listen [default 127.0.0.1:8000; may be repeated; also --http]" */
static int describe_option(struct buf *text, enum option_id id)
{
    const struct option *option = &options_table[id];
    struct description bounds = describe_bounds(option);
    bool is_list = option->kind == KIND_LIST || option->kind == KIND_PATHS;
    struct buf facts;
    int error = buf_append(text, slice_of_string(option->help));

    buf_init(&facts);
    if (option->default_value != NULL && error == 0)
        error = buf_append_format(&facts, "; default %s", option->default_value);
    if (bounds.text[0] != '\0' && error == 0)
        error = buf_append_format(&facts, "; %s", bounds.text);
    if (is_list && error == 0)
        error = buf_append(&facts, SLICE("; may be repeated"));
    if (error == 0)
        error = append_aliases(&facts, id);
    if (facts.len > 2 && error == 0)
        error = buf_append_format(text, " [%.*s]", (int)facts.len - 2, facts.ptr + 2);
    buf_fini(&facts);
    return error;
}

static void print_option(FILE *out, enum option_id id, size_t width)
{
    const struct option *option = &options_table[id];
    struct buf text;
    size_t column;

    column = (size_t)(option->short_name != 0 ? fprintf(out, "  -%c, ", option->short_name) : fprintf(out, "      "));
    column += (size_t)fprintf(out, "--%s%s%s", option->name, option->value[0] != '\0' ? " " : "", option->value);
    buf_init(&text);
    if (describe_option(&text, id) == 0)
        print_wrapped(out, buf_slice(&text), TEXT_COLUMN, column, width);
    else
        fputc('\n', out);
    buf_fini(&text);
}

static void print_app_names(FILE *out, size_t width)
{
    fputs("\nuWSGI's ways to say APP:\n", out);
    for (size_t i = 0; i < options_names_count; i++) {
        const struct option_name *name = &options_names[i];
        size_t column;

        if (name->role != NAME_APP)
            continue;
        column = (size_t)fprintf(out, "      --%s %s", name->name, name->is_file ? "FILE" : "MODULE");
        print_wrapped(out,
                      name->is_file ? SLICE("a Python file, whatever its name, with :callable if wanted")
                                    : SLICE("a module, with :callable if wanted"),
                      TEXT_COLUMN, column, width);
    }
}

static void print_no_effect(FILE *out, size_t width)
{
    fputs("\nAccepted and without effect, because it is always so:\n", out);
    for (size_t i = 0; i < options_names_count; i++) {
        const struct option_name *name = &options_names[i];
        size_t column;

        if (name->role != NAME_NO_EFFECT)
            continue;
        column = (size_t)(name->short_name != 0 ? fprintf(out, "  -%c, ", name->short_name) : fprintf(out, "      "));
        column += (size_t)fprintf(out, "--%s%s", name->name, name->takes_value ? " VALUE" : "");
        print_wrapped(out, slice_of_string(name->why), TEXT_COLUMN, column, width);
    }
}

static void print_commands(FILE *out, size_t width)
{
    if (commands_table[0].name != NULL)
        fputs("\nCommands, each as the first word: clutch COMMAND ...\n", out);
    for (const struct command_description *command = commands_table; command->name != NULL; command++) {
        size_t column = (size_t)fprintf(out, "  %s %s", command->name, command->usage);

        print_wrapped(out, slice_of_string(command->help), TEXT_COLUMN, column, width);
    }
}

void config_print_help(FILE *out)
{
    size_t width = find_width(out);
    const char *group = "";

    fputs(usage, out);
    for (enum option_id id = 0; id < OPTIONS_COUNT; id++) {
        if (options_is_hidden(&options_table[id]))
            continue;
        if (strcmp(group, options_table[id].group) != 0)
            fprintf(out, "\n%s:\n", options_table[id].group);
        group = options_table[id].group;
        print_option(out, id, width);
    }
    print_app_names(out, width);
    print_no_effect(out, width);
    print_commands(out, width);
    fputc('\n', out);
    print_wrapped(out, slice_of_string(help_text_values), 0, 0, width);
    fputc('\n', out);
    print_wrapped(out, slice_of_string(help_text_variables), 0, 0, width);
    fputc('\n', out);
    print_wrapped(out, slice_of_string(help_text_files), 0, 0, width);
    fprintf(out, "\n%s", examples);
}
