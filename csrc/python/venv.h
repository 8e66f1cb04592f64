/* SPDX-License-Identifier: MIT
 * Virtual environments and the python executable, looked at from outside: nothing here needs the interpreter. Runs in
 * the master (ops->check) and in the process that starts Python. */
#ifndef CLUTCH_VENV_H
#define CLUTCH_VENV_H

#include <stdbool.h>
#include <stddef.h>

#include "attrs.h"

/* The minor release that the server was built for. */
struct venv_release {
    int major;
    int minor;
};

/* Reads the front of "3.11.7 (main, ...)". Returns false when it does not begin like a release. */
bool venv_parse_release(const char *text, struct venv_release *release);

/* A virtual environment as the user named it. */
struct venv {
    const char *directory; /* borrowed; NULL: none is asked for */
    const char *source;    /* how it was named, for messages: "--venv", "VIRTUAL_ENV" or "where clutch lies" */
};

/* Finds the environment in whose bin/ the program lies (an absolute path; what follows its last '/' does not matter):
 * there is a pyvenv.cfg one directory up. Writes that directory. Returns true, or false when there is none. */
bool venv_around(const char *program, char *out, size_t size) MUST_CHECK;

/* The environment that is asked for: `option` (the value of --venv, may be NULL), else the active one, else that around
 * this program's own file. Borrows from the first two; the last is written to `own`. */
struct venv venv_find(const char *option, char *own, size_t size);

/* Finds the directory of a path that the user gave, which may be relative to `base` (--chdir, may be NULL) or, where
 * the server is there already, to the current directory. Writes an absolute path. Returns 0, or -errno. */
int venv_resolve(const char *path, const char *base, char *out, size_t size) MUST_CHECK;

/* Whether `directory` (absolute) is a virtual environment of `release`. Returns true, or false with one line in `error`
 * that says what is wrong and what to do. */
bool venv_is_usable(const struct venv *, const char *directory, struct venv_release release, char *error,
                    size_t size) MUST_CHECK;

/* The executable that sys.executable shall name: of the environment (absolute, may be NULL), else `built_with`, else
 * the pythonX.Y of that release on PATH. Returns true, or false when there is none. */
bool venv_find_executable(const char *directory, const char *built_with, struct venv_release release, char *out,
                          size_t size);

#endif
