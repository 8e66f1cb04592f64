/* SPDX-License-Identifier: MIT
 * Whose child a process is. */
#ifndef CLUTCH_KIN_H
#define CLUTCH_KIN_H

#include <stdbool.h>
#include <sys/types.h>

#include "attrs.h"

/* Whether the process, running or not yet reaped, is a child of the caller's, or a child of its children and so on. The
 * second needs /proc. For the master, which is told the pids of its zygote's workers: it signals as root, and the
 * process that tells it may be in the hands of somebody else by then. */
bool kin_is_descendant(pid_t pid) MUST_CHECK;

#endif
