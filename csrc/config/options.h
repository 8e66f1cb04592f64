/* SPDX-License-Identifier: MIT
 * options.def as data: every option and every name that is accepted for it. */
#ifndef CLUTCH_OPTIONS_H
#define CLUTCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "slice.h"

/* What an option's value is; options.def says how each is spelled. */
enum option_kind {
    KIND_STRING,
    KIND_LIST,
    KIND_PATHS,
    KIND_FLAG,
    KIND_COUNT,
    KIND_WORKERS,
    KIND_DURATION,
    KIND_SIZE,
    KIND_CHOICE,
    KIND_WORDS,
    KIND_OCTAL,
    KIND_ACTION,
};

/* One number per option, in the order of the table: OPTION_bind, OPTION_backlog, ... */
enum option_id {
#define OPTION(kind, field, name, short_name, default_value, least, most, value, group, help) OPTION_##field,
#define ALIAS(name, short_name, field)
#define APP_ALIAS(name, short_name, is_file)
#define NO_EFFECT(name, short_name, takes_value, why)
#include "options.def"
#undef OPTION
#undef ALIAS
#undef APP_ALIAS
#undef NO_EFFECT
    OPTIONS_COUNT,
};

struct option {
    enum option_kind kind;
    const char *name;          /* without dashes */
    char short_name;           /* 0: none */
    const char *default_value; /* as it would be written, or NULL: unset */
    int64_t least, most;       /* inclusive; in the unit of the field */
    const char *value;         /* what help calls the value; the words to choose from */
    const char *group;         /* "": hidden */
    const char *help;
    size_t offset; /* of the field in struct config */
};

enum name_role {
    NAME_OWN,       /* the option's own name */
    NAME_ALIAS,     /* gunicorn's or uWSGI's name of it */
    NAME_APP,       /* names the application, as uWSGI does */
    NAME_NO_EFFECT, /* accepted and ignored */
};

/* A name that the command line accepts. */
struct option_name {
    const char *name; /* without dashes, or NULL: only short */
    char short_name;  /* 0: none */
    enum name_role role;
    enum option_id id; /* NAME_OWN, NAME_ALIAS */
    bool is_file;      /* NAME_APP: a file, else a module */
    bool takes_value;
    const char *why; /* NAME_NO_EFFECT */
};

/* Indexed by enum option_id. */
extern const struct option options_table[OPTIONS_COUNT];

/* Own names first, then the others, in the order of the table. */
extern const struct option_name options_names[];
extern const size_t options_names_count;

/* The name without dashes, exactly as written in the table; NULL when there is none. */
const struct option_name *options_find_long(struct slice name);
const struct option_name *options_find_short(char short_name);

/* The field of an option in a config; its C type follows from the kind (options.def). */
void *options_field(struct config *, enum option_id);
const void *options_value(const struct config *, enum option_id);

/* Whether help and reference keep silent about it. */
bool options_is_hidden(const struct option *);

/* The words to choose from, one after the other: starts with a zeroed slice, returns false after the last. */
bool options_next_word(const struct option *, struct slice *word);

#endif
