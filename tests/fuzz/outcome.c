/* SPDX-License-Identifier: MIT
 * The promises of config_parse. */
#include "outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "config.h"
#include "options.h"

/* What came of the words: the values, or NULL, and all that was said. Owned. */
struct outcome {
    char *values, *said;
};

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

char *outcome_check(int count, char *const *words, char *const *variables)
{
    struct outcome first = parse(count, words, variables), second = parse(count, words, variables);

    check(strcmp(first.said, second.said) == 0, "said something else the second time");
    check((first.values != NULL) == (second.values != NULL), "not refused the second time");
    check(first.values == NULL || strcmp(first.values, second.values) == 0, "other values the second time");
    free(first.values);
    free(second.values);
    free(second.said);
    return first.said;
}
