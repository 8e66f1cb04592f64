/* SPDX-License-Identifier: MIT
 * A configuration file in memory: the settings in its sections [clutch] and [uwsgi]. Private to this folder. */
#ifndef CLUTCH_CONFIG_FILE_H
#define CLUTCH_CONFIG_FILE_H

#include <stdbool.h>

#include "ledger.h"
#include "mistakes.h"

struct file_setting {
    const char *key, *value; /* kept by the ledger; the placeholders in a value of [uwsgi] are replaced */
    unsigned line;
    bool is_uwsgi;
    bool is_broken; /* its placeholders have no value: a mistake that has been told */
    bool is_of_now; /* [uwsgi]: it holds variables of the environment */
    bool is_read;   /* [uwsgi]: another value names it, or it does no more than to be named */
};

struct config_file {
    const char *path;              /* as given; kept */
    struct quoted name;            /* the same, printable */
    struct config_ledger *ledger;  /* borrowed */
    struct file_setting *settings; /* owned */
    size_t count;
};

/* Reads the file at `path`, which `spelling` names in messages. What is wrong with it is told in `mistakes`; the
 * settings that could be read are there all the same. Texts are kept by the ledger, which is told when there is no
 * memory. End it with config_file_fini. */
void config_file_read(struct config_file *, struct config_ledger *, struct mistakes *, const char *spelling,
                      const char *path, char *const *environment);
void config_file_fini(struct config_file *);

/* The name that a setting of [uwsgi] has where its meaning is looked up: with `protocol = http`, what comes to its
 * `socket` is HTTP. NULL for that setting itself: nothing has to be done for it. */
const char *config_file_uwsgi_name(const struct config_file *, const struct file_setting *);

/* Where a setting stands, for the option that it sets. */
struct origin config_file_origin(const struct config_file *, const struct file_setting *, unsigned layer);

#endif
