/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "config.h"
#include "fd.h"
#include "log.h"
#include "watch_way.h"

enum {
    QUIET_US = 100 * 1000,     /* editors and version control change several files at once */
    PATIENCE_US = 1000 * 1000, /* and something may never stop */
    MOST_DIRS = 8192,
    PATH_BYTES = 4096,
    EVENTS_BYTES = 16384,
};

static const uint32_t OF_TREES =
    IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR | IN_MASK_ADD;

struct watch_dir {
    int descriptor;
    char *path; /* owned */
};

const struct watch WATCH_NONE = {.fd = -1, .due_us = INT64_MAX};

static void note_change(struct watch *watch, const char *name)
{
    int64_t now_us = clock_now_us();

    if (watch->due_us == INT64_MAX) {
        snprintf(watch->changed, sizeof(watch->changed), "%s", name);
        watch->first_us = now_us;
    }
    watch->due_us = now_us + QUIET_US;
    if (watch->due_us > watch->first_us + PATIENCE_US)
        watch->due_us = watch->first_us + PATIENCE_US;
}

/* --- Trees --- */

static bool is_python(const char *name)
{
    size_t len = strlen(name);

    return len > 3 && name[0] != '.' && strcmp(name + len - 3, ".py") == 0;
}

/* What is not written by hand, or belongs to tools. */
static bool is_left_out(const char *name)
{
    return name[0] == '.' || strcmp(name, "__pycache__") == 0 || strcmp(name, "node_modules") == 0;
}

static bool is_venv(int dir_fd)
{
    return faccessat(dir_fd, "pyvenv.cfg", F_OK, 0) == 0;
}

static struct watch_dir *find_dir(const struct watch *watch, int descriptor)
{
    for (size_t i = 0; i < watch->dir_count; i++) {
        if (watch->dirs[i].descriptor == descriptor)
            return &watch->dirs[i];
    }
    return NULL;
}

static void say_full(struct watch *watch, const char *why)
{
    if (!watch->is_full)
        log_warning("--reload: only %zu directories are watched, not all: %s; see --reload-dir", watch->dir_count, why);
    watch->is_full = true;
}

/* False when it is not to be gone through: it is there already, or does not fit. */
static bool add_dir(struct watch *watch, const char *path)
{
    int descriptor;

    if (watch->dir_count == MOST_DIRS) {
        say_full(watch, "there are too many");
        return false;
    }
    if (watch->dir_count == watch->dir_room) {
        size_t room = watch->dir_room == 0 ? 16 : 2 * watch->dir_room;
        struct watch_dir *dirs = realloc(watch->dirs, room * sizeof(*dirs));

        if (dirs == NULL)
            return false;
        watch->dirs = dirs;
        watch->dir_room = room;
    }
    descriptor = inotify_add_watch(watch->fd, path, OF_TREES);
    if (descriptor < 0 && errno == ENOSPC)
        say_full(watch, "fs.inotify.max_user_watches");
    if (descriptor < 0 || find_dir(watch, descriptor) != NULL)
        return false;
    watch->dirs[watch->dir_count] = (struct watch_dir){.descriptor = descriptor, .path = strdup(path)};
    watch->dir_count += watch->dirs[watch->dir_count].path != NULL;
    return true;
}

static bool is_directory(int dir_fd, const struct dirent *entry)
{
    struct stat status;

    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return fstatat(dir_fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

/* Watches a directory and all below it. In one that is new, files may have come before the watch: they count. */
static void add_tree(struct watch *watch, const char *path, bool is_new) /* recursive, as deep as paths are long */
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    char below[PATH_BYTES];

    if (dir == NULL)
        return;
    if (!is_venv(dirfd(dir)) && add_dir(watch, path)) {
        while ((entry = readdir(dir)) != NULL) {
            if (is_left_out(entry->d_name) ||
                snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) >= (int)sizeof(below))
                continue;
            if (is_directory(dirfd(dir), entry))
                add_tree(watch, below, is_new);
            else if (is_new && is_python(entry->d_name))
                note_change(watch, below);
        }
    }
    closedir(dir);
}

static void on_tree_event(struct watch *watch, const struct watch_dir *dir, const struct inotify_event *event)
{
    char path[PATH_BYTES];

    if (snprintf(path, sizeof(path), "%s/%s", dir->path, event->name) >= (int)sizeof(path))
        return;
    if ((event->mask & IN_ISDIR) == 0) {
        /* A file that has just been created is about to be written; a link is not. */
        if (is_python(event->name))
            note_change(watch, path);
        return;
    }
    if (is_left_out(event->name))
        return;
    if (event->mask & (IN_CREATE | IN_MOVED_TO))
        add_tree(watch, path, true);
    else if (event->mask & IN_MOVED_FROM)
        note_change(watch, path);
}

static void forget_dir(struct watch *watch, int descriptor)
{
    struct watch_dir *dir = find_dir(watch, descriptor);

    if (dir == NULL)
        return;
    free(dir->path);
    *dir = watch->dirs[--watch->dir_count];
}

/* --- Files --- */

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static void on_file_event(struct watch *watch, const struct inotify_event *event)
{
    for (size_t i = 0; i < watch->file_count; i++) {
        if (watch_way_take(&watch->files[i], watch->fd, event))
            note_change(watch, name_of(watch->files[i].path));
    }
}

/* -1 after writing why not. */
static int add_file(struct watch *watch, const char *path, char *error, size_t size)
{
    const char *name = name_of(path);
    int result;

    if (name[0] == '\0') {
        snprintf(error, size, "--reload-file '%s' is not the name of a file", path);
        return -1;
    }
    result = watch_way_begin(&watch->files[watch->file_count++], watch->fd, path);
    if (result < 0) {
        snprintf(error, size, "--reload-file '%s': its directory '%.*s' cannot be watched: %s", path,
                 name > path ? (int)(name - path) : 1, name > path ? path : ".",
                 result == -ENOSPC ? "the limit of the system is reached (fs.inotify.max_user_watches)"
                                   : strerror(-result));
        return -1;
    }
    return 0;
}

/* --- All --- */

static int add_files(struct watch *watch, const struct config_list *paths, char *error, size_t size)
{
    watch->files = calloc(paths->count + 1, sizeof(*watch->files));
    if (watch->files == NULL) {
        snprintf(error, size, "--reload-file: out of memory");
        return -1;
    }
    for (size_t i = 0; i < paths->count; i++) {
        if (add_file(watch, paths->items[i], error, size) < 0)
            return -1;
    }
    return 0;
}

/* Where the modules of the application are looked for. */
static void add_usual_trees(struct watch *watch, const struct config *config)
{
    const char *file = config->app.file, *slash = file != NULL ? strrchr(file, '/') : NULL;
    char directory[PATH_BYTES];

    add_tree(watch, ".", false);
    for (size_t i = 0; i < config->pythonpath.count; i++)
        add_tree(watch, config->pythonpath.items[i], false);
    if (slash == NULL)
        return;
    snprintf(directory, sizeof(directory), "%.*s", slash > file ? (int)(slash - file) : 1, file);
    add_tree(watch, directory, false);
}

static int add_trees(struct watch *watch, const struct config *config, char *error, size_t size)
{
    const struct config_list *paths = &config->reload_dir;
    struct stat status;

    for (size_t i = 0; i < paths->count; i++) {
        if (stat(paths->items[i], &status) < 0 || !S_ISDIR(status.st_mode)) {
            snprintf(error, size, "--reload-dir '%s' is not a directory", paths->items[i]);
            return -1;
        }
        add_tree(watch, paths->items[i], false);
    }
    if (paths->count == 0)
        add_usual_trees(watch, config);
    log_info("--reload: Python files in %zu director%s are watched", watch->dir_count,
             watch->dir_count == 1 ? "y" : "ies");
    return 0;
}

int watch_open(struct watch *watch, const struct config *config, char *error, size_t size)
{
    *watch = WATCH_NONE;
    if (!config->reload && config->reload_file.count == 0)
        return 0;
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->fd < 0) {
        snprintf(error, size, "%s: files cannot be watched: %s", config->reload ? "--reload" : "--reload-file",
                 errno == EMFILE ? "the limit of the system is reached (fs.inotify.max_user_instances)"
                                 : strerror(errno));
        return -1;
    }
    if (add_files(watch, &config->reload_file, error, size) < 0)
        return -1;
    return config->reload ? add_trees(watch, config, error, size) : 0;
}

void watch_close(struct watch *watch)
{
    for (size_t i = 0; i < watch->dir_count; i++)
        free(watch->dirs[i].path);
    free(watch->dirs);
    for (size_t i = 0; i < watch->file_count; i++)
        watch_way_end(&watch->files[i]);
    free(watch->files);
    fd_close(&watch->fd);
    *watch = WATCH_NONE;
}

static void take_event(struct watch *watch, const struct inotify_event *event)
{
    const struct watch_dir *dir = find_dir(watch, event->wd);

    if (event->mask & IN_Q_OVERFLOW)
        note_change(watch, "something");
    else if (event->mask & IN_IGNORED)
        forget_dir(watch, event->wd);
    else if (event->len > 0) {
        on_file_event(watch, event);
        if (dir != NULL && (event->mask & IN_ATTRIB) == 0)
            on_tree_event(watch, dir, event);
    }
}

void watch_read(struct watch *watch)
{
    _Alignas(struct inotify_event) char events[EVENTS_BYTES];
    ssize_t got;

    while (watch->fd >= 0 && (got = read(watch->fd, events, sizeof(events))) > 0) {
        for (const char *at = events; at < events + got;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)at;

            at += sizeof(*event) + event->len;
            take_event(watch, event);
        }
    }
}

bool watch_take(struct watch *watch, int64_t now_us)
{
    if (watch->due_us > now_us)
        return false;
    watch->due_us = INT64_MAX;
    return true;
}
