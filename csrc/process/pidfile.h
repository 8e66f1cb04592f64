/* SPDX-License-Identifier: MIT
 * The file with the master's process id (--pid). Used by the master only. */
#ifndef CLUTCH_PIDFILE_H
#define CLUTCH_PIDFILE_H

#include <stddef.h>
#include <sys/types.h>

#include "attrs.h"

/* Writes the pid of the caller to `path`; readers see the whole of it or nothing. A file left over by a process that
 * has gone is replaced. Returns 0, or -1 after writing to `error` (size bytes) what is wrong: the file names a living
 * process, cannot be written, or is no regular file. */
int pidfile_write(const char *path, char *error, size_t size) MUST_CHECK;

/* The same, where the file may name this process, whose place the caller takes. */
int pidfile_take_over(const char *path, pid_t from, char *error, size_t size) MUST_CHECK;

/* Removes it, if it still names the caller. */
void pidfile_remove(const char *path);

#endif
