/* SPDX-License-Identifier: MIT
 * Command lines and environments made of arbitrary words: each is either understood, or refused with a reason. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

enum { MOST_WORDS = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Cuts `text` at line ends into at most MOST_WORDS words, behind which there is a NULL. Returns their number. */
static int cut_words(char *text, char *words[MOST_WORDS + 1])
{
    int count = 0;

    for (char *word = strtok(text, "\n"); word != NULL && count < MOST_WORDS; word = strtok(NULL, "\n"))
        words[count++] = word;
    words[count] = NULL;
    return count;
}

static void use_config(struct config *config)
{
    char *printed = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&printed, &len);

    if (out == NULL)
        abort();
    config_print_values(config, out);
    fclose(out);
    assert(config->help || config->version || config->workers >= 1);
    free(printed);
    config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The first line is an environment of one variable, the others are the command line. */
    char *text = malloc(size + 1);
    char *words[MOST_WORDS + 1], program[] = "clutch", *mistakes = NULL;
    char *environment[2] = {NULL, NULL};
    size_t len = 0;
    FILE *errors = open_memstream(&mistakes, &len);
    struct config *config;
    int count;

    if (text == NULL || errors == NULL)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    count = cut_words(text, words);
    if (count > 0)
        environment[0] = words[0];
    words[0] = program;
    words[count > 0 ? count : 1] = NULL;
    config = config_parse(count > 0 ? count : 1, words, environment, errors);
    fclose(errors);
    if (config != NULL)
        use_config(config);
    else
        assert(len > 0); /* whoever is refused is told why */
    free(mistakes);
    free(text);
    return 0;
}
