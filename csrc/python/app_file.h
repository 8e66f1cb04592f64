/* SPDX-License-Identifier: MIT
 * An application that is named by its file. */
#ifndef CLUTCH_APP_FILE_H
#define CLUTCH_APP_FILE_H

#include "python_api.h"

#include "attrs.h"

struct config_app;
struct errors;

/* Runs app->file as a module: named after the file, listed in sys.modules, with __file__ and __spec__, its bytecode
 * cached like that of any other. Requires the GIL. New reference to the module, or NULL after logging what is wrong. */
PyObject *app_file_load(const struct config_app *app, const struct errors *errors) MUST_CHECK;

#endif
