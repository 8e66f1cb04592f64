/* SPDX-License-Identifier: MIT
 * What is left of root's rights in a process: capabilities(7). Without a library: four system calls. */
#ifndef CLUTCH_CAPABILITIES_H
#define CLUTCH_CAPABILITIES_H

#include <stdbool.h>

#include "attrs.h"

/* Whether the calling thread could use this one now; `number` as in <linux/capability.h>. */
bool capabilities_has(int number) MUST_CHECK;

/* Whether it has one at all, be it only to pass it on. */
bool capabilities_has_any(void) MUST_CHECK;

/* Takes from this process and its children the ones that programs with file capabilities could give. For root, before
 * it becomes somebody else; a root that may not (no CAP_SETPCAP, as in some containers) keeps them, which
 * PR_SET_NO_NEW_PRIVS makes harmless. */
void capabilities_empty_bounding_set(void);

/* Gives up all of them, for good: effective, permitted, inheritable, ambient. 0, or -errno when some are left. */
int capabilities_clear(void) MUST_CHECK;

#endif
