/* SPDX-License-Identifier: MIT
 * The settings of a server: made once in the master before the first fork, then passed by const pointer. */
#ifndef CLUTCH_CONFIG_H
#define CLUTCH_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "attrs.h"

struct config_list {
    const char **items; /* owned, as are the strings */
    size_t count;
};

/* What names the application on the command line. */
struct config_app {
    const char *module;   /* "package.module", or NULL when a file is named */
    const char *file;     /* path of a .py file as given, or NULL */
    const char *callable; /* attribute (dotted names allowed), or NULL: `application`, then `app` */
    const char *given;    /* as written, for messages */
};

/* What --help prints: text for people, or one of the forms for other programs (--help=man). */
enum help_form {
    HELP_TEXT,
    HELP_MARKDOWN,
    HELP_MAN,
    HELP_BASH,
    HELP_ZSH,
    HELP_FISH,
    HELP_MIGRATION_UWSGI, /* the tables of the guides */
    HELP_MIGRATION_GUNICORN,
};

struct config {
#define CONFIG_STRING const char *
#define CONFIG_LIST struct config_list
#define CONFIG_PATHS struct config_list
#define CONFIG_FLAG bool
#define CONFIG_COUNT int64_t
#define CONFIG_WORKERS int64_t
#define CONFIG_DURATION int64_t
#define CONFIG_SIZE int64_t
#define CONFIG_CHOICE int
#define CONFIG_WORDS unsigned
#define CONFIG_OCTAL int64_t
#define CONFIG_ACTION bool
#define OPTION(kind, field, name, short_name, default_value, least, most, value, group, help) CONFIG_##kind field;
#define ALIAS(name, short_name, field)
#define APP_ALIAS(name, short_name, is_file)
#define NO_EFFECT(name, short_name, takes_value, why)
#include "options.def"
#undef OPTION
#undef ALIAS
#undef APP_ALIAS
#undef NO_EFFECT
    struct config_app app;
    enum help_form help_form;
    struct config_ledger *ledger; /* owned; origins and texts (ledger.h); NULL in a config made by hand */
};

/* Reads the CLUTCH_* variables of `environment` (may be NULL) and the command line, which wins. Returns a config owned
 * by the caller (end it with config_free), or NULL after writing one clear line per mistake to `errors`: exit with
 * status 2 then. Lines that begin with "clutch: warning:" may be written in both cases.
 * --help and --version win over every mistake. With them or --print-config a missing APP is no mistake. workers is
 * never 0 in the result: auto is resolved here (cpus.h). The texts are copies: argv and environment need not outlive
 * the call. Reads the file system (does APP's file exist, is --chdir a directory) but changes nothing, and never exits.
 */
struct config *config_parse(int argc, char *const *argv, char *const *environment, FILE *errors) MUST_CHECK;
void config_free(struct config *);

/* The answer to --print-config. */
void config_print_values(const struct config *, FILE *out);

/* The answer to --help in one of its forms, which are: the help, wrapped at the width of the terminal that `out` is,
 * between 80 and 100 columns (80 when it is none); the Markdown reference of all options; the manual page, in man(7);
 * completion of the command line for bash, zsh and fish. All are made from the tables of options and commands. */
void config_print_help_form(enum help_form, FILE *out);
void config_print_help(FILE *out);
void config_print_markdown(FILE *out);
void config_print_man(FILE *out);
void config_print_bash(FILE *out);
void config_print_zsh(FILE *out);
void config_print_fish(FILE *out);
void config_print_migration_uwsgi(FILE *out);
void config_print_migration_gunicorn(FILE *out);

#endif
