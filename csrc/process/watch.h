/* SPDX-License-Identifier: MIT
 * Files whose change asks for a reload: those of --reload-file, and with --reload all Python files below some
 * directories. By inotify, in the master. */
#ifndef CLUTCH_WATCH_H
#define CLUTCH_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attrs.h"

struct config;

enum { WATCH_NAME_BYTES = 256 };

struct watch_dir;
struct watch_way;

struct watch {
    int fd;                  /* owned; -1: nothing is watched */
    struct watch_dir *dirs;  /* owned; of trees */
    struct watch_way *files; /* owned */
    size_t dir_count, dir_room, file_count;
    bool is_full;                   /* directories were left out, which has been said */
    int64_t first_us, due_us;       /* of the changes seen: since when, when to tell; INT64_MAX: none */
    char changed[WATCH_NAME_BYTES]; /* the name of the first */
};

extern const struct watch WATCH_NONE;

/* Begins to watch what the options say; nothing when they say nothing. Returns 0, or -1 after writing to `error` (size
 * bytes) which option is wrong and why. */
int watch_open(struct watch *, const struct config *, char *error, size_t size) MUST_CHECK;
/* Also in a child. */
void watch_close(struct watch *);

/* Takes in what has happened. Never waits. */
void watch_read(struct watch *);
/* When watch_take is to be asked; INT64_MAX: when there is something to read. */
static inline int64_t watch_next_us(const struct watch *watch)
{
    return watch->due_us;
}
/* Whether something has changed, and a moment without another change has passed: then watch->changed names it. Once for
 * each time. */
bool watch_take(struct watch *, int64_t now_us);

#endif
