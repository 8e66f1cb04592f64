/* SPDX-License-Identifier: MIT
 * The way to a file of --reload-file: its name leads through directories and links, and any of them may be replaced. A
 * release is often a directory behind a link; and what Kubernetes puts into a volume is a link to a link. */
#ifndef CLUTCH_WATCH_WAY_H
#define CLUTCH_WATCH_WAY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "attrs.h"

struct inotify_event;
struct watch_step;

struct watch_way {
    const char *path;         /* borrowed */
    struct watch_step *steps; /* owned; each a name in a directory that is watched */
    size_t count, room;
    struct stat seen; /* the file, as it was looked at last; st_ino 0: it was not there */
};

/* Watches it from now on. The file need not be there, but its directory. Returns 0 or -errno; watch_way_end in any
 * case. */
int watch_way_begin(struct watch_way *, int inotify_fd, const char *path) MUST_CHECK;

/* Whether the event means that the file has been created, touched, written or replaced, or that the name leads to
 * another file now. */
bool watch_way_take(struct watch_way *, int inotify_fd, const struct inotify_event *) MUST_CHECK;

void watch_way_end(struct watch_way *);

#endif
