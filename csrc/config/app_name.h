/* SPDX-License-Identifier: MIT
 * What names the application: module:callable, module, file.py, file.py:callable. */
#ifndef CLUTCH_APP_NAME_H
#define CLUTCH_APP_NAME_H

#include <stdbool.h>

#include "ledger.h"
#include "mistakes.h"
#include "slice.h"

enum app_form {
    APP_FORM_GUESSED, /* a file when it holds '/' or ends in .py, else a module */
    APP_FORM_FILE,
    APP_FORM_MODULE,
};

/* Reads `text` and makes it the config's application; an origin of more power replaces what is there. Mistakes: a
 * malformed name, a factory (`module:make()`), a second and different name from the same origin. Does not look at the
 * file system. */
void app_name_set(struct config *, struct mistakes *, enum app_form, struct slice text, struct origin);

/* Whether `text` is one or more Python identifiers parted by dots. */
bool app_name_is_dotted(struct slice text);

#endif
