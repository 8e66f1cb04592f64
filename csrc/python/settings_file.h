/* SPDX-License-Identifier: MIT
 * A configuration file that is a Python program, as gunicorn's are: it is run, and its names are the settings. */
#ifndef CLUTCH_SETTINGS_FILE_H
#define CLUTCH_SETTINGS_FILE_H

#include "attrs.h"

struct import_setting;

/* Borrowed for the call. */
typedef void settings_file_fn(void *context, const struct import_setting *);

/* Starts Python, runs the file at `path` from the current directory (which is on sys.path), calls back for every name
 * that it leaves behind, in their order, and ends Python: once in a process. None is no setting; what the file prints
 * goes to standard error. Returns 0, or -1 after logging why. */
int settings_file_run(const char *path, settings_file_fn *, void *context) MUST_CHECK;

#endif
