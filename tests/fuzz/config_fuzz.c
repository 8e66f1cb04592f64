/* SPDX-License-Identifier: MIT
 * Command lines and environments made of arbitrary words: each is either understood, within the bounds of every option
 * and the same way each time, or refused with a reason that a terminal can show.
 *
 * Every line of the input is a word of the command line, or, when it begins like NAME=, a variable. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "config.h"
#include "options.h"

enum { MOST_WORDS = 24 };

/* What came of the words: the values, or NULL, and all that was said. Owned. */
struct outcome {
    char *values, *said;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_variable(const char *word)
{
    size_t len = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

    return len > 0 && word[len] == '=';
}

/* Cuts `text` at line ends. Behind both lists there is a NULL. Returns the length of the first. */
static int cut_words(char *text, char *words[MOST_WORDS + 2], char *variables[MOST_WORDS + 2])
{
    static char program[] = "clutch";
    int word_count = 0, variable_count = 0;

    words[word_count++] = program;
    for (char *word = strtok(text, "\n"); word != NULL; word = strtok(NULL, "\n")) {
        if (is_variable(word) && variable_count < MOST_WORDS)
            variables[variable_count++] = word;
        else if (word_count < MOST_WORDS)
            words[word_count++] = word;
    }
    words[word_count] = variables[variable_count] = NULL;
    return word_count;
}

static void check_bounds(const struct config *config)
{
    for (enum option_id id = 0; id < OPTIONS_COUNT; id++) {
        const struct option *option = &options_table[id];
        const int64_t *value = options_value(config, id);

        if (option->least >= option->most || (option->kind == KIND_OCTAL && *value == -1))
            continue;
        check(*value >= option->least && *value <= option->most, option->name);
    }
    if (!config->help && !config->version && !config->print_config)
        check((config->app.module != NULL) != (config->app.file != NULL), "not one application");
}

/* Whole lines of the program's, and nothing that moves a terminal or looks like something else. */
static void check_said(const char *said)
{
    while (*said != '\0') {
        const char *end = strchr(said, '\n');

        check(strncmp(said, "clutch: ", 8) == 0 && end != NULL, "a line that is not the program's");
        for (; said < end; said++)
            check(*said >= ' ' && *said <= '~', "a line that a terminal cannot show");
        said++;
    }
}

static char *print_values(const struct config *config)
{
    char *values = NULL;
    size_t len;
    FILE *out = open_memstream(&values, &len);

    check(out != NULL, "out of memory");
    config_print_values(config, out);
    fclose(out);
    return values;
}

static struct outcome parse(int count, char *const *words, char *const *variables)
{
    struct outcome outcome = {0};
    size_t len;
    FILE *errors = open_memstream(&outcome.said, &len);
    struct config *config;

    check(errors != NULL, "out of memory");
    config = config_parse(count, words, variables, errors);
    fclose(errors);
    check_said(outcome.said);
    check(config != NULL || len > 0, "refused without a reason");
    if (config != NULL) {
        check_bounds(config);
        outcome.values = print_values(config);
        config_free(config);
    }
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *words[MOST_WORDS + 2], *variables[MOST_WORDS + 2];
    struct outcome first, second;
    int count;

    check(text != NULL, "out of memory");
    memcpy(text, data, size);
    text[size] = '\0';
    count = cut_words(text, words, variables);
    first = parse(count, words, variables);
    second = parse(count, words, variables);
    check(strcmp(first.said, second.said) == 0, "said something else the second time");
    check((first.values != NULL) == (second.values != NULL), "not refused the second time");
    check(first.values == NULL || strcmp(first.values, second.values) == 0, "other values the second time");
    free(first.values);
    free(first.said);
    free(second.values);
    free(second.said);
    free(text);
    return 0;
}
