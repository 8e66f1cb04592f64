/* SPDX-License-Identifier: MIT
 * Whether the kernel has killed processes of this server's control group for want of memory: it counts them, and
 * nothing else tells such a SIGKILL from any other. In the master. */
#ifndef CLUTCH_OOM_H
#define CLUTCH_OOM_H

#include <stdbool.h>
#include <stdint.h>

#include "attrs.h"

enum { OOM_TEXT_BYTES = 160 };

struct oom {
    const char *root;
    char *directory; /* owned; NULL: there is no such count */
    bool is_v2;
    unsigned long long kills; /* seen so far */
};

/* Finds the group below `root` ("" is the real tree, borrowed) and its count. Where there is none, nobody is ever said
 * to have been killed. */
void oom_begin(struct oom *, const char *root);
void oom_fini(struct oom *);

/* Whether a process has been killed that was not told of before: one is taken off the count. Reads a file. */
bool oom_take_kill(struct oom *);

/* "memory.max 512 MiB", or "no limit of its own": of the group. Returns `text` (OOM_TEXT_BYTES). */
const char *oom_describe_limit(const struct oom *, char *text);

#endif
