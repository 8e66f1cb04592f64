/* SPDX-License-Identifier: MIT
 * What pyvenv.cfg says, and where the python executable is. Runs in the master and where Python is started. */
#include "venv.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "search_path.h"
#include "slice.h"

enum { PATH_BYTES = 4096, CONFIG_LINE_BYTES = 4096 };

/* Reads a number of one to three digits; moves *text behind it. */
static bool parse_number(const char **text, int *number)
{
    const char *start = *text;

    for (*number = 0; isdigit((unsigned char)**text) && *text - start < 3; ++*text)
        *number = *number * 10 + (**text - '0');
    return *text > start;
}

bool venv_parse_release(const char *text, struct venv_release *release)
{
    return parse_number(&text, &release->major) && *text++ == '.' && parse_number(&text, &release->minor);
}

static int join(char *out, size_t size, const char *directory, const char *name)
{
    int len = snprintf(out, size, "%s/%s", directory, name);

    return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

/* Cuts the last name off a path; false when that leaves none. */
static bool cut_name(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash == NULL || slash == path)
        return false;
    *slash = '\0';
    return true;
}

bool venv_around(const char *program, char *out, size_t size)
{
    char config[PATH_BYTES];

    if (program[0] != '/' || strlen(program) >= size)
        return false;
    memcpy(out, program, strlen(program) + 1);
    if (!cut_name(out) || strcmp(strrchr(out, '/'), "/bin") != 0 || !cut_name(out))
        return false;
    return join(config, sizeof(config), out, "pyvenv.cfg") == 0 && access(config, F_OK) == 0;
}

/* Also when the file was replaced under a running server: the kernel then writes " (deleted)" behind the old name. */
static bool find_own(char *own, size_t size)
{
    char program[PATH_BYTES];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);

    if (len <= 0)
        return false;
    program[len] = '\0';
    return venv_around(program, own, size);
}

struct venv venv_find(const char *option, char *own, size_t size)
{
    const char *active = getenv("VIRTUAL_ENV");

    if (option != NULL && option[0] != '\0')
        return (struct venv){.directory = option, .source = "--venv"};
    if (active != NULL && active[0] != '\0')
        return (struct venv){.directory = active, .source = "VIRTUAL_ENV"};
    if (find_own(own, size))
        return (struct venv){.directory = own, .source = "where clutch lies"};
    return (struct venv){.directory = NULL, .source = NULL};
}

int venv_resolve(const char *path, const char *base, char *out, size_t size)
{
    char joined[PATH_BYTES];
    struct stat status;

    if (base != NULL && path[0] != '/' && join(joined, sizeof(joined), base, path) == 0 && stat(joined, &status) == 0)
        path = joined;
    if (stat(path, &status) < 0)
        return -errno;
    return search_path_absolute(slice_of_string(path), out, size);
}

/* Reads one "key = value" line. Both venv ("version") and virtualenv or uv ("version_info") say which Python they are
 * of. */
static bool parse_config_line(const char *line, struct venv_release *release)
{
    const char *equals = strchr(line, '=');
    struct slice key;

    if (equals == NULL)
        return false;
    while (isspace((unsigned char)*line))
        line++;
    key = slice_of(line, equals > line ? (size_t)(equals - line) : 0);
    while (key.len > 0 && isspace((unsigned char)key.ptr[key.len - 1]))
        key.len--;
    if (!slice_equal_nocase(key, SLICE("version")) && !slice_equal_nocase(key, SLICE("version_info")))
        return false;
    do
        equals++;
    while (isspace((unsigned char)*equals));
    return venv_parse_release(equals, release);
}

/* 1: *release is set; 0: the file does not say; -errno: it cannot be read. */
static int read_release(const char *directory, struct venv_release *release)
{
    char path[PATH_BYTES], line[CONFIG_LINE_BYTES];
    FILE *file;
    int found = 0;

    if (join(path, sizeof(path), directory, "pyvenv.cfg") < 0)
        return -ENAMETOOLONG;
    file = fopen(path, "re");
    if (file == NULL)
        return -errno;
    while (found == 0 && fgets(line, sizeof(line), file) != NULL)
        found = parse_config_line(line, release);
    fclose(file);
    return found;
}

static bool has_executable(const char *directory)
{
    char path[PATH_BYTES];

    return join(path, sizeof(path), directory, "bin/python") == 0 && access(path, X_OK) == 0;
}

/* For an environment whose pyvenv.cfg is silent. */
static bool has_library(const char *directory, struct venv_release release)
{
    char name[32], path[PATH_BYTES];

    snprintf(name, sizeof(name), "lib/python%d.%d", release.major, release.minor);
    return join(path, sizeof(path), directory, name) == 0 && access(path, F_OK) == 0;
}

bool venv_is_usable(const struct venv *venv, const char *directory, struct venv_release wanted, char *error,
                    size_t size)
{
    struct venv_release found = {0, 0};
    int result = read_release(directory, &found);

    if (result < 0) {
        snprintf(error, size, "%s (%s) is not a virtual environment: its pyvenv.cfg cannot be read (%s)", directory,
                 venv->source, strerror(-result));
        return false;
    }
    if (!has_executable(directory)) {
        snprintf(error, size,
                 "%s (%s) is not a usable virtual environment: bin/python is missing or points nowhere; make it "
                 "anew with `python%d.%d -m venv %s`",
                 directory, venv->source, wanted.major, wanted.minor, directory);
        return false;
    }
    if (result == 0 && !has_library(directory, wanted)) {
        snprintf(error, size,
                 "%s (%s) has no lib/python%d.%d: this server runs Python %d.%d and can use no packages of "
                 "another version",
                 directory, venv->source, wanted.major, wanted.minor, wanted.major, wanted.minor);
        return false;
    }
    if (result == 1 && (found.major != wanted.major || found.minor != wanted.minor)) {
        snprintf(error, size,
                 "%s (%s) is a virtual environment of Python %d.%d, but this server runs Python %d.%d: name one "
                 "made with `python%d.%d -m venv`, or a clutch that was built for Python %d.%d",
                 directory, venv->source, found.major, found.minor, wanted.major, wanted.minor, wanted.major,
                 wanted.minor, found.major, found.minor);
        return false;
    }
    return true;
}

static bool find_on_path(struct venv_release release, char *out, size_t size)
{
    const char *search = getenv("PATH");
    struct slice rest = slice_of_string(search != NULL ? search : "/usr/local/bin:/usr/bin:/bin"), directory;

    while (search_path_next(&rest, &directory)) {
        int len =
            snprintf(out, size, "%.*s/python%d.%d", (int)directory.len, directory.ptr, release.major, release.minor);

        if (directory.ptr[0] == '/' && len > 0 && (size_t)len < size && access(out, X_OK) == 0)
            return true;
    }
    return false;
}

bool venv_find_executable(const char *directory, const char *built_with, struct venv_release release, char *out,
                          size_t size)
{
    if (directory != NULL)
        return join(out, size, directory, "bin/python") == 0;
    if (built_with[0] == '/' && access(built_with, X_OK) == 0 && strlen(built_with) < size) {
        memcpy(out, built_with, strlen(built_with) + 1);
        return true;
    }
    return find_on_path(release, out, size);
}
