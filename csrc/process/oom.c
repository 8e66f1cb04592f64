/* SPDX-License-Identifier: MIT */
#include "oom.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"

static bool read_kills(const struct oom *oom, unsigned long long *kills)
{
    const char *file = oom->is_v2 ? "memory.events" : "memory.oom_control";

    return oom->directory != NULL && cgroup_read_count(oom->root, oom->directory, file, "oom_kill ", kills);
}

static void see(void *context, const struct cgroup_hierarchy *hierarchy)
{
    char directory[CGROUP_DIRECTORY_BYTES];
    struct oom *oom = context;

    if (oom->directory != NULL || !cgroup_find_directory(oom->root, hierarchy, directory))
        return;
    oom->is_v2 = hierarchy->is_v2;
    oom->directory = strdup(directory);
    if (!read_kills(oom, &oom->kills))
        oom_fini(oom);
}

void oom_begin(struct oom *oom, const char *root)
{
    *oom = (struct oom){.root = root};
    cgroup_for_each(root, CGROUP_MEMORY, see, oom);
}

void oom_fini(struct oom *oom)
{
    free(oom->directory);
    oom->directory = NULL;
}

bool oom_take_kill(struct oom *oom)
{
    unsigned long long kills;

    if (!read_kills(oom, &kills) || kills <= oom->kills)
        return false;
    oom->kills++;
    return true;
}

const char *oom_describe_limit(const struct oom *oom, char *text)
{
    const char *file = oom->is_v2 ? "memory.max" : "memory.limit_in_bytes";
    unsigned long long bytes = 0;
    char line[64] = "";

    if (oom->directory != NULL && cgroup_read_line(oom->root, oom->directory, file, line, sizeof(line)))
        bytes = strtoull(line, NULL, 10); /* "max" gives 0; without a limit version 1 has nearly 2^63 */
    if (bytes == 0 || bytes > 1ULL << 60)
        snprintf(text, OOM_TEXT_BYTES, "it has no limit of its own");
    else
        snprintf(text, OOM_TEXT_BYTES, "%s %.4g MiB", file, (double)bytes / (1 << 20));
    return text;
}
