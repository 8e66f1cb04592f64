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
#include "outcome.h"

enum { MOST_WORDS = 24 };

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *words[MOST_WORDS + 2], *variables[MOST_WORDS + 2];
    int count;

    check(text != NULL, "out of memory");
    memcpy(text, data, size);
    text[size] = '\0';
    count = cut_words(text, words, variables);
    free(outcome_check(count, words, variables));
    free(text);
    return 0;
}
