/* SPDX-License-Identifier: MIT */
#include "cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = CGROUP_PATH_BYTES };

static const struct {
    unsigned controller;
    const char *word;
} words[] = {{CGROUP_CPU, "cpu"}, {CGROUP_CPUSET, "cpuset"}, {CGROUP_MEMORY, "memory"}};

static FILE *open_under(const char *root, const char *directory, const char *file)
{
    char path[3 * PATH_BYTES];

    if ((size_t)snprintf(path, sizeof path, "%s%s/%s", root, directory, file) >= sizeof path)
        return NULL;
    return fopen(path, "re");
}

bool cgroup_read_line(const char *root, const char *directory, const char *file, char *line, int size)
{
    FILE *stream = open_under(root, directory, file);
    bool is_read = stream != NULL && fgets(line, size, stream) != NULL;

    if (stream != NULL)
        fclose(stream);
    if (is_read)
        line[strcspn(line, "\n")] = '\0';
    return is_read;
}

bool cgroup_read_count(const char *root, const char *directory, const char *file, const char *word,
                       unsigned long long *count)
{
    FILE *stream = open_under(root, directory, file);
    size_t len = strlen(word);
    bool is_found = false;
    char line[128];

    while (stream != NULL && !is_found && fgets(line, sizeof line, stream) != NULL)
        is_found = strncmp(line, word, len) == 0 && sscanf(line + len, " %llu", count) == 1;
    if (stream != NULL)
        fclose(stream);
    return is_found;
}

/* Mount points are written with blanks and backslashes as \ooo. */
static void unescape_octal(char *text)
{
    char *out = text;

    while (*text != '\0') {
        bool is_escape = text[0] == '\\' && strspn(text + 1, "01234567") >= 3;

        *out++ = is_escape ? (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0')) : *text;
        text += is_escape ? 4 : 1;
    }
    *out = '\0';
}

static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);

    while (*list != '\0') {
        size_t item_len = strcspn(list, ",");

        if (item_len == len && memcmp(list, word, len) == 0)
            return true;
        list += item_len + (list[item_len] == ',');
    }
    return false;
}

static unsigned controllers_in(const char *list)
{
    unsigned controllers = 0;

    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (has_word(list, words[i].word))
            controllers |= words[i].controller;
    }
    return controllers;
}

/* A line of mountinfo: "36 35 0:30 ROOT MOUNT_POINT options [optional ...] - TYPE source SUPER_OPTIONS" (proc(5)). */
static bool parse_mount(const char *line, struct cgroup_hierarchy *hierarchy)
{
    const char *tail = strstr(line, " - ");
    char type[32], options[512];

    if (tail == NULL || sscanf(tail, " - %31s %*s %511s", type, options) != 2 ||
        sscanf(line, "%*d %*d %*s %4095s %4095s", hierarchy->root, hierarchy->mount_point) != 2)
        return false;
    unescape_octal(hierarchy->root);
    unescape_octal(hierarchy->mount_point);
    hierarchy->is_v2 = strcmp(type, "cgroup2") == 0;
    hierarchy->controllers =
        hierarchy->is_v2 ? (unsigned)(CGROUP_CPU | CGROUP_CPUSET | CGROUP_MEMORY) : controllers_in(options);
    return hierarchy->is_v2 || strcmp(type, "cgroup") == 0;
}

void cgroup_for_each(const char *root, unsigned controllers,
                     void (*see)(void *context, const struct cgroup_hierarchy *), void *context)
{
    struct cgroup_hierarchy *hierarchy = malloc(sizeof *hierarchy);
    FILE *stream = open_under(root, "/proc/self", "mountinfo");
    char *line = NULL;
    size_t size = 0;

    while (stream != NULL && hierarchy != NULL && getline(&line, &size, stream) > 0) {
        if (parse_mount(line, hierarchy) && (hierarchy->controllers & controllers) != 0) {
            hierarchy->controllers &= controllers;
            see(context, hierarchy);
        }
    }
    free(line);
    if (stream != NULL)
        fclose(stream);
    free(hierarchy);
}

/* Finds this process's group in the hierarchy: a line "4:cpu,cpuacct:/path" of v1, "0::/path" of v2 (cgroups(7)). */
static bool find_group(const char *root, const struct cgroup_hierarchy *hierarchy, char path[PATH_BYTES])
{
    FILE *stream = open_under(root, "/proc/self", "cgroup");
    char *line = NULL;
    size_t size = 0;
    bool is_found = false;

    while (stream != NULL && !is_found && getline(&line, &size, stream) > 0) {
        char *controllers = strchr(line, ':'), *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;

        if (group == NULL)
            continue;
        *controllers++ = *group++ = '\0';
        group[strcspn(group, "\n")] = '\0';
        is_found =
            hierarchy->is_v2 ? *controllers == '\0' : (controllers_in(controllers) & hierarchy->controllers) != 0;
        if (is_found && (size_t)snprintf(path, PATH_BYTES, "%s", group) >= PATH_BYTES)
            is_found = false;
    }
    free(line);
    if (stream != NULL)
        fclose(stream);
    return is_found;
}

/* The group as seen below the mount point, "" for the mount point itself. NULL: the hierarchy is mounted here without
 * the group. */
static const char *strip_root(const char *group, const struct cgroup_hierarchy *hierarchy)
{
    size_t len = strcmp(hierarchy->root, "/") == 0 ? 0 : strlen(hierarchy->root);

    if (strncmp(group, hierarchy->root, len) == 0 && strstr(group, "/..") == NULL &&
        (group[len] == '/' || group[len] == '\0'))
        return strcmp(group + len, "/") == 0 ? "" : group + len;
    /* A container may see its group under the host's name while only the group is mounted, at the usual place. */
    return strncmp(hierarchy->mount_point, "/sys/fs/cgroup", 14) == 0 ? "" : NULL;
}

bool cgroup_find_directory(const char *root, const struct cgroup_hierarchy *hierarchy,
                           char directory[static CGROUP_DIRECTORY_BYTES])
{
    char group[PATH_BYTES];
    const char *below = find_group(root, hierarchy, group) ? strip_root(group, hierarchy) : NULL;

    if (below == NULL)
        return false;
    return (size_t)snprintf(directory, CGROUP_DIRECTORY_BYTES, "%s%s", hierarchy->mount_point, below) <
           CGROUP_DIRECTORY_BYTES;
}
