/* SPDX-License-Identifier: MIT
 * Reads a command line and an environment written as lists of texts, and keeps what config_parse said about them. */
#ifndef CLUTCH_CONFIG_SUPPORT_H
#define CLUTCH_CONFIG_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"

struct parsed {
    struct config *config; /* owned, or NULL: mistakes */
    char *errors;          /* owned; every line that was written */
};

#define ARGV(...) ((const char *const[]){"clutch", __VA_ARGS__, NULL})
#define ENVIRONMENT(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Copies a list of texts, so that the parser works on memory of its own, as with a real argv. */
static inline char **copy_texts(const char *const *texts, int *count)
{
    char **copy;

    for (*count = 0; texts != NULL && texts[*count] != NULL; ++*count)
        continue;
    copy = calloc((size_t)*count + 1, sizeof *copy);
    assert_non_null(copy);
    for (int i = 0; i < *count; i++) {
        copy[i] = strdup(texts[i]);
        assert_non_null(copy[i]);
    }
    return copy;
}

static inline void free_texts(char **texts)
{
    for (char **text = texts; *text != NULL; text++)
        free(*text);
    free(texts);
}

static inline struct parsed parse(const char *const *argv, const char *const *environment)
{
    struct parsed parsed = {0};
    size_t size;
    FILE *errors = open_memstream(&parsed.errors, &size);
    int argc, count;
    char **arguments = copy_texts(argv, &argc), **variables = copy_texts(environment, &count);

    assert_non_null(errors);
    parsed.config = config_parse(argc, arguments, variables, errors);
    free_texts(arguments); /* the config must not need them */
    free_texts(variables);
    fclose(errors);
    return parsed;
}

static inline void parsed_fini(struct parsed *parsed)
{
    config_free(parsed->config);
    free(parsed->errors);
    *parsed = (struct parsed){0};
}

/* Parses what must be right, without a word. */
static inline struct parsed parse_good(const char *const *argv, const char *const *environment)
{
    struct parsed parsed = parse(argv, environment);

    assert_string_equal(parsed.errors, "");
    assert_non_null(parsed.config);
    return parsed;
}

/* Parses what must be wrong; the lines (each ended by '\n') must be exactly these, and then where help is. */
static inline void assert_mistakes(const char *const *argv, const char *const *environment, const char *lines)
{
    struct parsed parsed = parse(argv, environment);
    size_t len = strlen(lines);

    assert_null(parsed.config);
    if (strncmp(parsed.errors, lines, len) != 0 || strcmp(parsed.errors + len, "clutch: try 'clutch --help'\n") != 0)
        assert_string_equal(parsed.errors, lines);
    parsed_fini(&parsed);
}

#endif
