/* SPDX-License-Identifier: MIT
 * Reads the command line as options.def says. Mistakes are gathered; reading goes on after each. */
#include "parse.h"

#include "app_name.h"
#include "commands.h"
#include "help_forms.h"
#include "options.h"
#include "suggest.h"
#include "units.h"
#include "value.h"

struct command_line {
    struct config *config;
    struct mistakes *mistakes;
    char *const *argv;
    int argc;
    int next;          /* the argument to read next */
    bool is_ambiguous; /* an unknown option, or a command, was seen: what follows may belong to it */
};

/* An option as it stands on the command line. */
struct occurrence {
    const struct option_name *name;
    const char *spelling; /* "--processes" or "-w"; kept */
    const char *value;    /* after '=' or the short name; NULL: none */
};

static bool is_number(const char *text)
{
    int64_t value;

    return units_parse_count(slice_of_string(text), &value) != UNITS_MALFORMED;
}

static bool is_word_but_auto(const char *text)
{
    return ((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') || *text == '_') &&
           strcasecmp(text, "auto") != 0;
}

static bool is_dangerous(const char *text)
{
    return strcasecmp(text, "dangerous") == 0;
}

/* Names that mean something else to another server, and values by which that is seen. */
static const struct clash {
    const char *spelling;
    bool (*is_meant)(const char *value);
    const char *explanation;
} clashes[] = {
    {"-p", is_number, "-p is the pid file here, as in gunicorn; uWSGI's -p is --processes or -w here"},
    {"-b", is_number, "-b is the address to listen on here, as in gunicorn; uWSGI's -b is --buffer-size here"},
    {"-w", is_word_but_auto,
     "-w is the number of workers here (1 to 1024, or auto), as in gunicorn; uWSGI's -w is --module here"},
    {"--header-map", is_dangerous,
     "a field with an underscore in its name would pose as the one with a hyphen; it is dropped, or refused with "
     "--underscores-in-headers refuse"},
};

static const struct clash *find_clash(const struct occurrence *occurrence)
{
    for (size_t i = 0; i < ARRAY_COUNT(clashes); i++) {
        if (strcmp(occurrence->spelling, clashes[i].spelling) == 0 && clashes[i].is_meant(occurrence->value))
            return &clashes[i];
    }
    return NULL;
}

/* Whether an argument starts an option, or is left for the reader to decide: "-" and "-5" are values. */
static bool is_option(const char *argument)
{
    return argument[0] == '-' && argument[1] != '\0' && !(argument[1] >= '0' && argument[1] <= '9');
}

/* Gives the occurrence its value from the next argument when it needs one and has none; false and a mistake when there
 * is none. */
static bool take_value(struct command_line *line, struct occurrence *occurrence)
{
    const struct option_name *name = occurrence->name;
    const char *what = name->role == NAME_APP ? (name->is_file ? "FILE" : "MODULE") : "value";
    const char *next = line->next < line->argc ? line->argv[line->next] : NULL;

    if (!name->takes_value || occurrence->value != NULL)
        return true;
    if (name->role == NAME_OWN || name->role == NAME_ALIAS)
        what = options_table[name->id].value;
    if (next == NULL || is_option(next)) {
        mistakes_add(line->mistakes, "%s: a value is missing (%s)%s", occurrence->spelling, what,
                     next != NULL && next[1] != '-' ? "; one that begins with '-' is written after '='" : "");
        if (name->role == NAME_APP)
            line->config->ledger->app.spelling = occurrence->spelling;
        return false;
    }
    occurrence->value = next;
    line->next++;
    return true;
}

static void do_action(struct command_line *line, const struct occurrence *occurrence)
{
    enum option_id id = occurrence->name->id;

    bool is_form =
        id == OPTION_help && occurrence->value != NULL && help_forms_find(occurrence->value, &line->config->help_form);

    if (occurrence->value != NULL && !is_form) {
        mistakes_add(line->mistakes, "%s: '%s' is not expected: %s%s", occurrence->spelling,
                     mistakes_quote(slice_of_string(occurrence->value)).text,
                     id == OPTION_help ? "the values it takes are " : "it takes no value",
                     id == OPTION_help ? help_forms_names : "");
        return;
    }
    *(bool *)options_field(line->config, id) = true;
    line->config->ledger->options[id] = (struct origin){.kind = ORIGIN_COMMAND_LINE, .spelling = occurrence->spelling};
}

static void set_option(struct command_line *line, const struct occurrence *occurrence)
{
    struct origin origin = {.kind = ORIGIN_COMMAND_LINE, .spelling = occurrence->spelling};
    const struct clash *clash = occurrence->value != NULL ? find_clash(occurrence) : NULL;

    if (clash != NULL)
        mistakes_add(line->mistakes, "%s %s: %s", occurrence->spelling,
                     mistakes_quote(slice_of_string(occurrence->value)).text, clash->explanation);
    else
        value_set(line->config, line->mistakes, occurrence->name->id,
                  slice_of_string(occurrence->value != NULL ? occurrence->value : "yes"), origin);
}

/* `--master=true` says what is so; `--master=false` would be a lie if it passed. */
static void check_no_effect(struct command_line *line, const struct occurrence *occurrence)
{
    bool is_wanted = true;

    if (!occurrence->name->takes_value && occurrence->value != NULL &&
        units_parse_flag(slice_of_string(occurrence->value), &is_wanted) && !is_wanted)
        mistakes_add(line->mistakes, "%s: '%s' is not possible: %s", occurrence->spelling,
                     mistakes_quote(slice_of_string(occurrence->value)).text, occurrence->name->why);
}

static void apply(struct command_line *line, struct occurrence *occurrence)
{
    const struct option_name *name = occurrence->name;

    if (!take_value(line, occurrence))
        return;
    if (name->role == NAME_NO_EFFECT)
        check_no_effect(line, occurrence);
    else if (name->role == NAME_APP)
        app_name_set(line->config, line->mistakes, name->is_file ? APP_FORM_FILE : APP_FORM_MODULE,
                     slice_of_string(occurrence->value),
                     (struct origin){.kind = ORIGIN_COMMAND_LINE, .spelling = occurrence->spelling});
    else if (options_table[name->id].kind == KIND_ACTION)
        do_action(line, occurrence);
    else
        set_option(line, occurrence);
}

/* Complains when an argument is a command: it would have had to be the first one. */
static bool report_command(struct command_line *line, const char *argument)
{
    const struct command_description *command = commands_table;

    while (command->name != NULL && strcmp(command->name, argument) != 0)
        command++;
    if (command->name == NULL)
        return false;
    line->is_ambiguous = true;
    mistakes_add(line->mistakes,
                 "'%s' is a command, and those come first: clutch %s %s; a module of that name is given with --module",
                 argument, argument, command->usage);
    return true;
}

/* Complains of an option of another server. Its value, when it takes one, is stepped over. */
static void report_foreign(struct command_line *line, const struct foreign_option *foreign, struct slice spelling,
                           bool has_value)
{
    mistakes_add(line->mistakes, "%s is not an option of clutch: %s", mistakes_quote(spelling).text, foreign->instead);
    if (foreign->takes_value && !has_value && line->next < line->argc && !is_option(line->argv[line->next]))
        report_command(line, line->argv[line->next++]);
}

static void report_unknown(struct command_line *line, struct slice spelling, const struct option_name *nearest)
{
    struct quoted quoted = mistakes_quote(spelling);

    line->is_ambiguous = true;
    if (nearest != NULL)
        mistakes_add(line->mistakes, "unknown option %s: did you mean --%s?", quoted.text, nearest->name);
    else
        mistakes_add(line->mistakes, "unknown option %s", quoted.text);
}

/* --no-NAME. Returns false when it is none of a flag of ours. */
static bool read_negation(struct command_line *line, struct slice name, const char *spelling, const char *value)
{
    const struct option_name *flag;

    if (name.len <= 3 || memcmp(name.ptr, "no-", 3) != 0)
        return false;
    flag = options_find_long(slice_of(name.ptr + 3, name.len - 3));
    if (flag != NULL && flag->role == NAME_NO_EFFECT && !flag->takes_value) {
        mistakes_add(line->mistakes, "%s is not possible: %s", spelling, flag->why);
        return true;
    }
    if (flag == NULL || (flag->role != NAME_OWN && flag->role != NAME_ALIAS) ||
        options_table[flag->id].kind != KIND_FLAG)
        return false;
    if (value != NULL)
        mistakes_add(line->mistakes, "%s: '%s' is not expected: it takes no value", spelling,
                     mistakes_quote(slice_of_string(value)).text);
    else
        value_set(line->config, line->mistakes, flag->id, SLICE("no"),
                  (struct origin){.kind = ORIGIN_COMMAND_LINE, .spelling = spelling});
    return true;
}

static void read_long(struct command_line *line, const char *argument)
{
    const char *equals = strchr(argument, '=');
    struct slice spelling = slice_of(argument, equals != NULL ? (size_t)(equals - argument) : strlen(argument));
    struct slice name = slice_of(spelling.ptr + 2, spelling.len - 2);
    struct occurrence occurrence = {.name = options_find_long(name), .value = equals != NULL ? equals + 1 : NULL};
    const struct foreign_option *foreign = suggest_find_foreign(name);

    occurrence.spelling = ledger_keep(line->config->ledger, spelling);
    if (occurrence.name != NULL)
        apply(line, &occurrence);
    else if (foreign != NULL)
        report_foreign(line, foreign, spelling, equals != NULL);
    else if (!read_negation(line, name, occurrence.spelling, occurrence.value))
        report_unknown(line, spelling, suggest_find_nearest(name));
}

/* -wVALUE, -w VALUE, -w=VALUE, or flags in a row: -MT. */
static void read_short(struct command_line *line, const char *argument)
{
    const struct option_name *long_name = argument[2] != '\0' ? options_find_long(slice_of_string(argument + 1)) : NULL;

    if (long_name != NULL) {
        report_unknown(line, slice_of_string(argument), long_name);
        return;
    }
    for (const char *at = argument + 1; *at != '\0'; at++) {
        char spelling[] = {'-', *at, '\0'};
        struct occurrence occurrence = {.name = options_find_short(*at)};
        const struct foreign_option *foreign = suggest_find_foreign_short(*at);
        bool ends_here = at[1] == '\0';

        if (occurrence.name == NULL && foreign != NULL) {
            report_foreign(line, foreign, slice_of(spelling, 2), !ends_here);
            return;
        }
        if (occurrence.name == NULL) {
            report_unknown(line, slice_of(spelling, 2), NULL);
            return;
        }
        occurrence.spelling = ledger_keep(line->config->ledger, slice_of(spelling, 2));
        if (!ends_here && (occurrence.name->takes_value || at[1] == '='))
            occurrence.value = at + 1 + (at[1] == '=');
        apply(line, &occurrence);
        if (occurrence.value != NULL)
            return;
    }
}

static void read_app(struct command_line *line, const char *argument, bool may_be_command)
{
    if ((!may_be_command || !report_command(line, argument)) && !line->is_ambiguous)
        app_name_set(line->config, line->mistakes, APP_FORM_GUESSED, slice_of_string(argument),
                     (struct origin){.kind = ORIGIN_COMMAND_LINE, .spelling = "APP"});
}

bool parse_arguments(struct config *config, struct mistakes *mistakes, int argc, char *const *argv)
{
    struct command_line line = {.config = config, .mistakes = mistakes, .argv = argv, .argc = argc, .next = 1};
    bool options_ended = false;

    while (line.next < line.argc) {
        const char *argument = line.argv[line.next++];

        if (options_ended || argument[0] != '-' || argument[1] == '\0')
            read_app(&line, argument, !options_ended);
        else if (strcmp(argument, "--") == 0)
            options_ended = true;
        else if (argument[1] == '-')
            read_long(&line, argument);
        else
            read_short(&line, argument);
    }
    return !line.is_ambiguous;
}
