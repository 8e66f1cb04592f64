/* SPDX-License-Identifier: MIT
 * The forms of --help (--help=man, --help=bash...), and what those made for other programs share: the paragraphs, and
 * how a shell is to complete a value. */
#ifndef CLUTCH_HELP_FORMS_H
#define CLUTCH_HELP_FORMS_H

#include <stdbool.h>
#include <stdio.h>

#include "commands.h"
#include "config.h"
#include "options.h"
#include "slice.h"

/* Finds a form by its name, whatever the case of its letters. Returns false when there is none of that name. */
bool help_forms_find(const char *name, enum help_form *form);

/* "markdown, man, bash, zsh or fish". */
extern const char help_forms_names[];

/* What the values of options may look like, how they are read from the environment and from files; plain text in one
 * line each. */
extern const char help_text_values[];
extern const char help_text_variables[];
extern const char help_text_files[];

/* What a shell can offer for a value. */
enum completion {
    COMPLETE_NOTHING, /* the option takes no value */
    COMPLETE_TEXT,    /* a value that nobody can guess */
    COMPLETE_WORDS,   /* one of the words of the table */
    COMPLETE_LIST,    /* several of them, parted by commas */
    COMPLETE_FILES,
    COMPLETE_PYTHON_FILES,
    COMPLETE_DIRECTORIES,
    COMPLETE_USERS,
    COMPLETE_GROUPS,
};

enum completion completion_of(const struct option_name *);

/* The words of COMPLETE_WORDS and COMPLETE_LIST with `between` between them. */
void completion_print_words(FILE *out, const struct option_name *, const char *between);

/* The name's option in a few words: its help up to the first semicolon outside brackets. */
struct slice completion_summary(const struct option_name *);

/* Whether the help knows the name at all. */
bool completion_is_known(const struct option_name *);

/* Whether a shell should offer the name: one of the option's own, in the help. Others are completed when typed. */
bool completion_is_offered(const struct option_name *);

/* Whether the option is a flag that is on unless --no-NAME is given. */
bool completion_has_negative(const struct option_name *);

/* The options that the usage of a command names, one after the other: starts with a zeroed slice, each with its dashes.
 * Returns false after the last. */
bool completion_next_option(const struct command_description *, struct slice *option);

/* Prints `text` without what would end or change a word in single quotes: each byte of `special` gets a backslash, a
 * single quote becomes `quote`. */
void completion_print_quoted(FILE *out, struct slice text, const char *special, const char *quote);

#endif
