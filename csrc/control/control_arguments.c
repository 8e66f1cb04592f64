/* SPDX-License-Identifier: MIT */
#include "control_arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "slice.h"
#include "standard_output.h"
#include "units.h"

#define VARIABLE "CLUTCH_CONTROL_SOCKET"

/* What is being read. */
struct reading {
    const struct control_command *command;
    struct control_arguments *arguments;
    int argc, next;
    char **argv;
    char *file; /* of -c */
};

static void print_usage(const struct control_command *command)
{
    printf("Usage: clutch %s [options] [ADDRESS]\n\n%s\nADDRESS is the control socket of the server, as its option "
           "--control-socket names it; without it\n$" VARIABLE
           " says where it is, or the configuration file of the server.\n\nOptions:\n",
           command->name, command->summary);
    for (size_t i = 0; i < command->option_count; i++) {
        const struct control_option *option = &command->options[i];
        char name[32];

        snprintf(name, sizeof(name), "--%s%s%s", option->name, option->value != NULL ? " " : "",
                 option->value != NULL ? option->value : "");
        printf("  %-20s %s\n", name, option->help);
    }
    printf("  %-20s %s\n  %-20s %s\n", "-c, --config FILE", "the server's configuration file", "-h, --help",
           "print this help and exit");
}

static bool complain(const struct reading *reading, const char *word, const char *what)
{
    fprintf(stderr, "clutch: %s%s%s\nTry 'clutch %s --help'.\n", word, word[0] != '\0' ? ": " : "", what,
            reading->command->name);
    return false;
}

/* The value behind the current option: `inside` it ("--name=VALUE"), or the next word. */
static char *take_value(struct reading *reading, char *inside)
{
    if (inside != NULL)
        return inside;
    return reading->next < reading->argc ? reading->argv[reading->next++] : NULL;
}

static bool set(const struct reading *reading, const struct control_option *option, const char *value)
{
    void *field = (char *)reading->arguments + option->offset;
    enum units_result result;
    int64_t number = 0;
    char what[128], name[32];

    if (option->kind == CONTROL_FLAG) {
        memcpy(field, &(bool){true}, sizeof(bool));
        return true;
    }
    result = option->kind == CONTROL_DURATION ? units_parse_duration(slice_of_string(value), &number)
                                              : units_parse_count(slice_of_string(value), &number);
    if (result == UNITS_DONE && number >= option->least) {
        memcpy(field, &number, sizeof(number));
        return true;
    }
    snprintf(what, sizeof(what), "'%.40s' is not %s", value,
             option->kind == CONTROL_DURATION ? "a time such as 10s, 500ms or 2m, long enough"
                                              : "a whole number from 1 on");
    snprintf(name, sizeof(name), "--%s", option->name);
    return complain(reading, name, what);
}

static bool read_option(struct reading *reading, char *word)
{
    char *equals = strchr(word, '='), *value;
    struct slice name = slice_of(word + 2, equals != NULL ? (size_t)(equals - word) - 2 : strlen(word) - 2);
    const struct control_command *command = reading->command;

    for (size_t i = 0; i < command->option_count; i++) {
        const struct control_option *option = &command->options[i];

        if (!slice_equal(name, slice_of_string(option->name)))
            continue;
        if (option->kind == CONTROL_FLAG)
            return equals == NULL ? set(reading, option, NULL) : complain(reading, word, "takes no value");
        value = take_value(reading, equals != NULL ? equals + 1 : NULL);
        return value != NULL ? set(reading, option, value) : complain(reading, word, "a value is missing");
    }
    return complain(reading, word, "there is no such option");
}

static bool is_config(char *word, char **inside)
{
    static const char *const names[] = {"-c", "--config", "--ini"};

    *inside = strncmp(word, "--config=", 9) == 0 ? word + 9 : NULL;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (strcmp(word, names[i]) == 0)
            return true;
    }
    return *inside != NULL;
}

static bool read_word(struct reading *reading)
{
    char *word = reading->argv[reading->next++], *inside;

    if (is_config(word, &inside)) {
        reading->file = take_value(reading, inside);
        return reading->file != NULL ? true : complain(reading, word, "the name of a file is missing");
    }
    if (strncmp(word, "--", 2) == 0)
        return read_option(reading, word);
    if (word[0] == '-' || word[0] == '\0')
        return complain(reading, word, "there is no such option");
    if (reading->arguments->address != NULL)
        return complain(reading, word, "one address is enough");
    reading->arguments->address = word;
    return true;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

/* As the server itself would read it. A relative path is one of the directory that the server changes to. */
static bool read_file(struct reading *reading)
{
    char program[] = "clutch", print[] = "--print-config", option[] = "--config";
    char *argv[] = {program, print, option, reading->file, NULL};
    struct control_arguments *arguments = reading->arguments;

    arguments->config = config_parse((int)ARRAY_COUNT(argv) - 1, argv, environ, stderr);
    if (arguments->config == NULL)
        return false;
    arguments->address = arguments->config->control_socket;
    if (arguments->address == NULL)
        return complain(reading, reading->file, "the file has no control-socket");
    if (arguments->config->chdir != NULL && chdir(arguments->config->chdir) < 0)
        return complain(reading, arguments->config->chdir, "the directory cannot be entered");
    return true;
}

static bool find_address(struct reading *reading)
{
    struct control_arguments *arguments = reading->arguments;

    if (arguments->address != NULL)
        return true;
    if (reading->file == NULL)
        reading->file = getenv("CLUTCH_CONFIG");
    arguments->address = getenv(VARIABLE);
    if (arguments->address != NULL && arguments->address[0] != '\0')
        return true;
    arguments->address = NULL;
    if (reading->file != NULL)
        return read_file(reading);
    fprintf(stderr,
            "clutch: which server? Name its control socket (clutch %s @NAME), set $" VARIABLE
            ", or give the server's\nconfiguration file (-c FILE). The server needs the option --control-socket "
            "ADDRESS.\n",
            reading->command->name);
    return false;
}

bool control_arguments_read(const struct control_command *command, int argc, char **argv,
                            struct control_arguments *arguments, int *exit_status)
{
    struct reading reading = {.command = command, .arguments = arguments, .argc = argc, .argv = argv, .next = 2};

    if (asks_for_help(argc, argv)) {
        print_usage(command);
        *exit_status = standard_output_end();
        return false;
    }
    *exit_status = CONTROL_EXIT_MISTAKE;
    while (reading.next < argc) {
        if (!read_word(&reading))
            return false;
    }
    return find_address(&reading);
}

void control_arguments_fini(struct control_arguments *arguments)
{
    config_free(arguments->config);
    arguments->config = NULL;
}
