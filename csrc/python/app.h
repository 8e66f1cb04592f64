/* SPDX-License-Identifier: MIT
 * The application object: sys.path, import, and what the user reads when it does not work. */
#ifndef CLUTCH_APP_H
#define CLUTCH_APP_H

#include "python_api.h"

#include "attrs.h"

struct config;
struct errors;
struct names;

/* Puts the application's directories at the front of sys.path: --pythonpath, then the current one (for a file: the
 * file's), as gunicorn does. Requires the GIL. Returns 0, or -1 after logging. */
int app_set_search_path(const struct config *, const struct errors *) MUST_CHECK;

/* Imports the module or runs the file, and finds the callable in it: the one that was named, else `application`, else
 * `app`. Requires the GIL. New reference, or NULL after logging what is wrong: no such module, an import error inside
 * it with its traceback, no such attribute (with the callables that there are), not callable. */
PyObject *app_load(const struct config *, const struct names *, const struct errors *) MUST_CHECK;

#endif
