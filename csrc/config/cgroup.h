/* SPDX-License-Identifier: MIT
 * Where the control groups of this process are, of either version (cgroups(7)), in any tree that looks like "/": its
 * proc/self/mountinfo, proc/self/cgroup and the mounted groups. `root` is "" for the real one. */
#ifndef CLUTCH_CGROUP_H
#define CLUTCH_CGROUP_H

#include <stdbool.h>

#include "attrs.h"

enum cgroup_controller { CGROUP_CPU = 1, CGROUP_CPUSET = 2, CGROUP_MEMORY = 4 };

enum { CGROUP_PATH_BYTES = 4096, CGROUP_DIRECTORY_BYTES = 2 * CGROUP_PATH_BYTES };

/* A mounted hierarchy. */
struct cgroup_hierarchy {
    bool is_v2;
    unsigned controllers;                /* mounted here: bits of enum cgroup_controller; of version 2 all */
    char root[CGROUP_PATH_BYTES];        /* the group that is seen at the mount point */
    char mount_point[CGROUP_PATH_BYTES]; /* without `root` of the tree */
};

/* Tells of each hierarchy with one of these controllers, in the order of mountinfo. What cannot be read is left out. */
void cgroup_for_each(const char *root, unsigned controllers,
                     void (*see)(void *context, const struct cgroup_hierarchy *), void *context);

/* Writes the directory of this process's group, without `root`; false when it cannot be seen. */
bool cgroup_find_directory(const char *root, const struct cgroup_hierarchy *,
                           char directory[static CGROUP_DIRECTORY_BYTES]) MUST_CHECK;

/* Reads the file's first line without its end; false when there is none. */
bool cgroup_read_line(const char *root, const char *directory, const char *file, char *line, int size) MUST_CHECK;
/* Reads the number behind this word in a file of lines like "oom_kill 3"; false when there is none. */
bool cgroup_read_count(const char *root, const char *directory, const char *file, const char *word,
                       unsigned long long *count) MUST_CHECK;

#endif
