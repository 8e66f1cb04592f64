/* SPDX-License-Identifier: MIT */
#include "launch.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attrs.h"
#include "text.h"

/* What is meant for one process: it would mean nothing, or something else, to the next. */
static const char *const own_variables[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID",
                                            LAUNCH_PASSED};

/* What the application is not to find either. */
static const char *const manager_variables[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC"};

/* More than any manager passes; what is there for each of them is no question of memory yet. */
enum { MOST_SOCKETS = 1 << 16 };

/* --- Memory --- */

static void *need(void *memory)
{
    if (memory != NULL)
        return memory;
    fputs("clutch: not enough memory\n", stderr);
    exit(EXIT_FAILURE);
}

static char *copy_variable(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? need(strdup(value)) : NULL;
}

/* --- What is told --- */

static bool read_number(const char *name, uint64_t *number)
{
    const char *value = getenv(name);

    return value != NULL && text_parse_u64(slice_of_string(value), number);
}

/* Whether the variable is missing or names this process. */
static bool is_for_us(const char *name)
{
    uint64_t pid;

    return getenv(name) == NULL || (read_number(name, &pid) && pid == (uint64_t)getpid());
}

static void take_sockets(struct launch *launch)
{
    uint64_t count;

    if (getenv("LISTEN_FDS") == NULL || getenv("LISTEN_PID") == NULL || !is_for_us("LISTEN_PID"))
        return;
    launch->socket_count = read_number("LISTEN_FDS", &count) && count <= MOST_SOCKETS ? (int)count : -1;
    launch->socket_names = copy_variable("LISTEN_FDNAMES");
}

static void take_watchdog(struct launch *launch)
{
    uint64_t us;

    if (is_for_us("WATCHDOG_PID") && read_number("WATCHDOG_USEC", &us) && us < INT64_MAX / 2)
        launch->watchdog_us = (int64_t)us;
}

/* --- What the next start needs --- */

static bool is_own(const char *variable)
{
    for (size_t i = 0; i < ARRAY_COUNT(own_variables); i++) {
        size_t len = strlen(own_variables[i]);

        if (strncmp(variable, own_variables[i], len) == 0 && variable[len] == '=')
            return true;
    }
    return false;
}

static char **copy_environment(void)
{
    size_t count = 0, kept = 0;
    char **copy;

    while (environ != NULL && environ[count] != NULL)
        count++;
    copy = need(calloc(count + 1, sizeof(*copy)));
    for (size_t i = 0; i < count; i++) {
        if (!is_own(environ[i]))
            copy[kept++] = need(strdup(environ[i]));
    }
    return copy;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat file_a, file_b;

    return stat(a, &file_a) == 0 && stat(b, &file_b) == 0 && file_a.st_dev == file_b.st_dev &&
           file_a.st_ino == file_b.st_ino;
}

/* $PWD keeps a symbolic link by which another directory may be reached at the next start. */
static char *find_directory(void)
{
    const char *told = getenv("PWD");

    if (told != NULL && told[0] == '/' && is_same_file(told, "."))
        return need(strdup(told));
    return getcwd(NULL, 0);
}

/* The way to this program among the directories of $PATH, or NULL. */
static char *search_path(const char *name)
{
    const char *path = getenv("PATH");
    char candidate[PATH_MAX];

    for (const char *from = path; from != NULL && *from != '\0';) {
        size_t len = strcspn(from, ":");

        if ((size_t)snprintf(candidate, sizeof(candidate), "%.*s/%s", (int)len, len > 0 ? from : ".", name) <
                sizeof(candidate) &&
            is_same_file(candidate, "/proc/self/exe"))
            return need(strdup(candidate));
        from += len + (from[len] == ':');
    }
    return NULL;
}

/* By the name it was started by, if that leads to this program; else by the name of its file. */
static char *find_program(const char *name)
{
    char *found = NULL;

    if (name != NULL && strchr(name, '/') != NULL)
        found = is_same_file(name, "/proc/self/exe") ? need(strdup(name)) : NULL;
    else if (name != NULL)
        found = search_path(name);
    return found != NULL ? found : realpath("/proc/self/exe", NULL);
}

/* --- Public --- */

void launch_take(struct launch *launch, char **argv)
{
    *launch = (struct launch){
        .arguments = argv,
        .environment = copy_environment(),
        .directory = find_directory(),
        .program = find_program(argv[0]),
        .umask = umask(0),
        .notify_socket = copy_variable("NOTIFY_SOCKET"),
        .passed = copy_variable(LAUNCH_PASSED),
    };
    umask(launch->umask);
    take_sockets(launch);
    take_watchdog(launch);
    for (size_t i = 0; i < ARRAY_COUNT(own_variables); i++)
        unsetenv(own_variables[i]);
    for (size_t i = 0; i < ARRAY_COUNT(manager_variables); i++)
        unsetenv(manager_variables[i]);
}

void launch_fini(struct launch *launch)
{
    for (char **variable = launch->environment; variable != NULL && *variable != NULL; variable++)
        free(*variable);
    free(launch->environment);
    free(launch->directory);
    free(launch->program);
    free(launch->socket_names);
    free(launch->notify_socket);
    free(launch->passed);
}
