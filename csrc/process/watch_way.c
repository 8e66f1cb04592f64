/* SPDX-License-Identifier: MIT */
#include "watch_way.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { MOST_LINKS = 40 };

/* What leads there can only be replaced; in the last directory the file itself may change. */
static const uint32_t ON_THE_WAY = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_MASK_ADD;
static const uint32_t AT_THE_END = IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_MASK_ADD;

struct watch_step {
    int descriptor; /* of the directory */
    bool is_last;
    char name[NAME_MAX + 1];
};

/* Where a walk is. */
struct walk {
    char directory[PATH_MAX], rest[PATH_MAX];
    char name[NAME_MAX + 1]; /* in the directory; "": it has arrived */
    bool is_last;
    int links;
};

/* --- Walking --- */

/* The rest begins with `before` from now on, and behind a link to an absolute path the walk with it. */
static int put_before(struct walk *walk, const char *before)
{
    char rest[PATH_MAX];

    if (snprintf(rest, sizeof(rest), "%s/%s", before, walk->rest) >= (int)sizeof(rest))
        return -ENAMETOOLONG;
    memcpy(walk->rest, rest, sizeof(rest));
    if (before[0] == '/')
        snprintf(walk->directory, sizeof(walk->directory), "/");
    return 0;
}

/* Takes the next name off the rest. */
static int take_name(struct walk *walk)
{
    const char *from = walk->rest + strspn(walk->rest, "/");
    size_t len = strcspn(from, "/");
    const char *behind = from + len + strspn(from + len, "/");

    if (len > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(walk->name, from, len);
    walk->name[len] = '\0';
    walk->is_last = *behind == '\0';
    memmove(walk->rest, behind, strlen(behind) + 1);
    return 0;
}

/* Behind the name: into the directory that it is, or to where it leads. */
static int go_on(struct walk *walk)
{
    char path[PATH_MAX], target[PATH_MAX];
    ssize_t len;

    if (snprintf(path, sizeof(path), "%s/%s", walk->directory, walk->name) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    len = readlink(path, target, sizeof(target) - 1);
    if (len < 0) {
        memcpy(walk->directory, path, sizeof(path));
        return 0;
    }
    target[len] = '\0';
    return ++walk->links > MOST_LINKS ? -ELOOP : put_before(walk, target);
}

static int add_step(struct watch_way *way, int inotify_fd, const struct walk *walk)
{
    int descriptor = inotify_add_watch(inotify_fd, walk->directory, walk->is_last ? AT_THE_END : ON_THE_WAY);

    if (descriptor < 0) /* a directory that may be gone through but not be read is not missed */
        return walk->is_last || errno == ENOENT || errno == ENOTDIR || errno == ENOSPC ? -errno : 0;
    if (way->count == way->room) {
        size_t room = way->room == 0 ? 8 : 2 * way->room;
        struct watch_step *steps = realloc(way->steps, room * sizeof(*steps));

        if (steps == NULL)
            return -ENOMEM;
        way->steps = steps;
        way->room = room;
    }
    way->steps[way->count] = (struct watch_step){.descriptor = descriptor, .is_last = walk->is_last};
    memcpy(way->steps[way->count++].name, walk->name, sizeof(walk->name));
    return 0;
}

/* Each directory is watched before it is looked at: nothing is missed in between. The watch of one that the way does
 * not lead through any more ends with that directory. */
static int walk_anew(struct watch_way *way, int inotify_fd)
{
    struct walk walk = {.directory = "."};
    int result = put_before(&walk, way->path);

    way->count = 0;
    while (result == 0 && (result = take_name(&walk)) == 0 && walk.name[0] != '\0') {
        result = add_step(way, inotify_fd, &walk);
        if (result == 0)
            result = go_on(&walk);
    }
    return result;
}

/* --- The file --- */

/* Whether it is there and another one than before, or has been touched. */
static bool look(struct watch_way *way)
{
    struct stat before = way->seen;

    if (stat(way->path, &way->seen) < 0) {
        way->seen = (struct stat){.st_ino = 0};
        return false;
    }
    return way->seen.st_ino != before.st_ino || way->seen.st_dev != before.st_dev ||
           way->seen.st_mtim.tv_sec != before.st_mtim.tv_sec || way->seen.st_mtim.tv_nsec != before.st_mtim.tv_nsec;
}

int watch_way_begin(struct watch_way *way, int inotify_fd, const char *path)
{
    int result;

    *way = (struct watch_way){.path = path};
    result = walk_anew(way, inotify_fd);
    (void)look(way);
    return result;
}

bool watch_way_take(struct watch_way *way, int inotify_fd, const struct inotify_event *event)
{
    bool is_on_it = false, is_file = false;

    for (size_t i = 0; i < way->count; i++) {
        const struct watch_step *step = &way->steps[i];
        uint32_t mask = step->is_last ? AT_THE_END : ON_THE_WAY;

        if (step->descriptor != event->wd || (event->mask & mask) == 0 || strcmp(step->name, event->name) != 0)
            continue;
        is_on_it = true;
        is_file = is_file || step->is_last;
    }
    if (!is_on_it)
        return false;
    (void)walk_anew(way, inotify_fd);
    return look(way) || is_file;
}

void watch_way_end(struct watch_way *way)
{
    free(way->steps);
    *way = (struct watch_way){.steps = NULL};
}
