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

#include "cgroup.h"

enum { MOST_CPUS = 1 << 20, LINE_BYTES = 4096 };

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

    if (!cgroup_read_line(root, directory, is_v2 ? "cpu.max" : "cpu.cfs_quota_us", line, sizeof line))
        return MOST_CPUS;
    quota = strtoll(line, &end, 10); /* "max" gives 0, no quota of v1 is -1 */
    if (is_v2)
        return count_quota(quota, strtoll(end, NULL, 10));
    if (!cgroup_read_line(root, directory, "cpu.cfs_period_us", period_line, sizeof period_line))
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
    char list[LINE_BYTES];

    if (!cgroup_read_line(root, directory, is_v2 ? "cpuset.cpus.effective" : "cpuset.effective_cpus", list,
                          sizeof list))
        return MOST_CPUS;
    return count_list(list);
}

static unsigned count_hierarchy(const char *root, const struct cgroup_hierarchy *hierarchy)
{
    char directory[CGROUP_DIRECTORY_BYTES];
    size_t mount_len = strlen(hierarchy->mount_point);
    unsigned count = MOST_CPUS;

    if (!cgroup_find_directory(root, hierarchy, directory))
        return MOST_CPUS;
    if ((hierarchy->controllers & CGROUP_CPUSET) != 0)
        count = read_cpuset(root, directory, hierarchy->is_v2);
    while ((hierarchy->controllers & CGROUP_CPU) != 0) {
        char *slash = strrchr(directory, '/');

        count = smaller(count, read_quota(root, directory, hierarchy->is_v2));
        if (strlen(directory) <= mount_len || slash == NULL)
            break;
        *slash = '\0';
    }
    return count;
}

struct count {
    const char *root;
    unsigned cpus;
};

static void see_hierarchy(void *context, const struct cgroup_hierarchy *hierarchy)
{
    struct count *count = context;

    count->cpus = smaller(count->cpus, count_hierarchy(count->root, hierarchy));
}

unsigned cpus_count_under(const char *root, unsigned affinity_count)
{
    struct count count = {.root = root, .cpus = affinity_count};

    cgroup_for_each(root, CGROUP_CPU | CGROUP_CPUSET, see_hierarchy, &count);
    return count.cpus > 0 ? count.cpus : 1;
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
