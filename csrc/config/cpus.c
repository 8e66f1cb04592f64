/* SPDX-License-Identifier: MIT
 * Counts CPUs as the kernel's scheduler and control groups grant them. The master does it once, at the start. */
#include "cpus.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 4096, MOST_CPUS = 1 << 20 };

/* A mounted cgroup hierarchy. */
struct hierarchy {
    bool is_v2;
    bool has_cpu, has_cpuset;     /* v1: the controllers mounted here */
    char root[PATH_BYTES];        /* the group that is seen at the mount point */
    char mount_point[PATH_BYTES]; /* without the root of the test tree */
};

static FILE *open_under(const char *root, const char *directory, const char *file)
{
    char path[3 * PATH_BYTES];

    if ((size_t)snprintf(path, sizeof path, "%s%s/%s", root, directory, file) >= sizeof path)
        return NULL;
    return fopen(path, "re");
}

/* Reads the file's first line into `line` without its end. Returns false when there is none. */
static bool read_line(const char *root, const char *directory, const char *file, char *line, int size)
{
    FILE *stream = open_under(root, directory, file);
    bool is_read = stream != NULL && fgets(line, size, stream) != NULL;

    if (stream != NULL)
        fclose(stream);
    if (is_read)
        line[strcspn(line, "\n")] = '\0';
    return is_read;
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

/* A line of mountinfo: "36 35 0:30 ROOT MOUNT_POINT options [optional ...] - TYPE source SUPER_OPTIONS" (proc(5)). */
static bool parse_mount(const char *line, struct hierarchy *hierarchy)
{
    const char *tail = strstr(line, " - ");
    char type[32], options[512];

    if (tail == NULL || sscanf(tail, " - %31s %*s %511s", type, options) != 2 ||
        sscanf(line, "%*d %*d %*s %4095s %4095s", hierarchy->root, hierarchy->mount_point) != 2)
        return false;
    unescape_octal(hierarchy->root);
    unescape_octal(hierarchy->mount_point);
    hierarchy->is_v2 = strcmp(type, "cgroup2") == 0;
    hierarchy->has_cpu = hierarchy->is_v2 || has_word(options, "cpu");
    hierarchy->has_cpuset = hierarchy->is_v2 || has_word(options, "cpuset");
    return hierarchy->is_v2 || (strcmp(type, "cgroup") == 0 && (hierarchy->has_cpu || hierarchy->has_cpuset));
}

/* Finds this process's group in the hierarchy: a line "4:cpu,cpuacct:/path" of v1, "0::/path" of v2 (cgroups(7)). */
static bool find_group(const char *root, const struct hierarchy *hierarchy, char path[PATH_BYTES])
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
        is_found = hierarchy->is_v2 ? *controllers == '\0'
                                    : (hierarchy->has_cpu && has_word(controllers, "cpu")) ||
                                          (hierarchy->has_cpuset && has_word(controllers, "cpuset"));
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
static const char *strip_root(const char *group, const struct hierarchy *hierarchy)
{
    size_t len = strcmp(hierarchy->root, "/") == 0 ? 0 : strlen(hierarchy->root);

    if (strncmp(group, hierarchy->root, len) == 0 && strstr(group, "/..") == NULL &&
        (group[len] == '/' || group[len] == '\0'))
        return strcmp(group + len, "/") == 0 ? "" : group + len;
    /* A container may see its group under the host's name while only the group is mounted, at the usual place. */
    return strncmp(hierarchy->mount_point, "/sys/fs/cgroup", 14) == 0 ? "" : NULL;
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Whole CPUs that `quota` of every `period` microseconds makes; no limit when one of them is no positive number. */
static unsigned count_quota(int64_t quota, int64_t period)
{
    int64_t count;

    if (quota <= 0 || period <= 0)
        return MOST_CPUS;
    count = quota / period + (quota % period != 0);
    return count < MOST_CPUS ? (unsigned)count : MOST_CPUS;
}

static unsigned read_quota(const char *root, const char *directory, bool is_v2)
{
    char line[128], period_line[128], *end;
    int64_t quota;

    if (!read_line(root, directory, is_v2 ? "cpu.max" : "cpu.cfs_quota_us", line, sizeof line))
        return MOST_CPUS;
    quota = strtoll(line, &end, 10); /* "max" gives 0, no quota of v1 is -1 */
    if (is_v2)
        return count_quota(quota, strtoll(end, NULL, 10));
    if (!read_line(root, directory, "cpu.cfs_period_us", period_line, sizeof period_line))
        return MOST_CPUS;
    return count_quota(quota, strtoll(period_line, NULL, 10));
}

/* Counts "0-3,8,10-11"; no limit when it is no such list. */
static unsigned count_list(const char *list)
{
    uint64_t count = 0;

    while (*list >= '0' && *list <= '9') {
        char *end;
        uint64_t first = strtoul(list, &end, 10), last = first;

        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        if (last < first || last >= MOST_CPUS)
            return MOST_CPUS;
        count += last - first + 1;
        list = end + (*end == ',');
    }
    return count == 0 || count > MOST_CPUS ? MOST_CPUS : (unsigned)count;
}

/* The CPUs that are in force: the file counts the groups above in. */
static unsigned read_cpuset(const char *root, const char *directory, bool is_v2)
{
    char list[PATH_BYTES];

    if (!read_line(root, directory, is_v2 ? "cpuset.cpus.effective" : "cpuset.effective_cpus", list, sizeof list))
        return MOST_CPUS;
    return count_list(list);
}

static unsigned count_hierarchy(const char *root, const struct hierarchy *hierarchy)
{
    char group[PATH_BYTES], directory[2 * PATH_BYTES];
    size_t mount_len = strlen(hierarchy->mount_point);
    unsigned count = MOST_CPUS;
    const char *below;

    if (!find_group(root, hierarchy, group))
        return MOST_CPUS;
    below = strip_root(group, hierarchy);
    if (below == NULL)
        return MOST_CPUS;
    snprintf(directory, sizeof directory, "%s%s", hierarchy->mount_point, below);
    if (hierarchy->has_cpuset)
        count = read_cpuset(root, directory, hierarchy->is_v2);
    while (hierarchy->has_cpu) {
        char *slash = strrchr(directory, '/');

        count = smaller(count, read_quota(root, directory, hierarchy->is_v2));
        if (strlen(directory) <= mount_len || slash == NULL)
            break;
        *slash = '\0';
    }
    return count;
}

unsigned cpus_count_under(const char *root, unsigned affinity_count)
{
    struct hierarchy *hierarchy = malloc(sizeof *hierarchy);
    FILE *stream = open_under(root, "/proc/self", "mountinfo");
    char *line = NULL;
    size_t size = 0;
    unsigned count = affinity_count;

    while (stream != NULL && hierarchy != NULL && getline(&line, &size, stream) > 0) {
        if (parse_mount(line, hierarchy))
            count = smaller(count, count_hierarchy(root, hierarchy));
    }
    free(line);
    if (stream != NULL)
        fclose(stream);
    free(hierarchy);
    return count > 0 ? count : 1;
}

/* The mask may be wider than cpu_set_t: the kernel refuses one that is too small for its CPUs. */
static unsigned count_affinity(void)
{
    unsigned count = 1;

    for (size_t most = 1024; most <= MOST_CPUS; most *= 4) {
        cpu_set_t *set = CPU_ALLOC(most);
        size_t size = CPU_ALLOC_SIZE(most);
        int result;

        if (set == NULL)
            break;
        result = sched_getaffinity(0, size, set) < 0 ? -errno : 0;
        if (result == 0)
            count = (unsigned)CPU_COUNT_S(size, set);
        CPU_FREE(set);
        if (result != -EINVAL)
            break;
    }
    return count;
}

unsigned cpus_count_granted(void)
{
    return cpus_count_under("", count_affinity());
}
