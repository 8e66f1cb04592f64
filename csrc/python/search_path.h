/* SPDX-License-Identifier: MIT
 * Names of files and directories that end up in sys.path. Plain C, no interpreter. */
#ifndef CLUTCH_SEARCH_PATH_H
#define CLUTCH_SEARCH_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "attrs.h"
#include "slice.h"

/* Takes the first directory off `rest`, a list parted by ':' or ','; empty entries are passed over. Returns false at
 * the end. */
bool search_path_next(struct slice *rest, struct slice *directory);

/* Writes `path` as an absolute one (relative to the current directory; "." and ".." at its front are followed, links
 * are not) into `out`, with a NUL. Returns 0, -ENAMETOOLONG, or what getcwd() failed with as -errno. */
int search_path_absolute(struct slice path, char *out, size_t size) MUST_CHECK;

/* The parts of a file's path: "/srv/pkg/main.py" lies in "/srv/pkg", and its module is called "main". The directory of
 * a path without '/' is empty; a name that begins with its only dot has no suffix. */
struct slice search_path_directory(struct slice path);
struct slice search_path_stem(struct slice path);

#endif
