/* SPDX-License-Identifier: MIT
 * Whose child a process is, and signals to nobody else. The master is told the pids of its zygote's workers, and
 * signals as root; the process that tells it may be in the hands of somebody else by then. */
#ifndef CLUTCH_KIN_H
#define CLUTCH_KIN_H

#include <stdbool.h>
#include <sys/types.h>

#include "attrs.h"

enum kin {
    KIN_OURS,
    KIN_STRANGER,
    KIN_UNTOLD, /* no child of the caller's; whether it is one of its children's cannot be told: there is no /proc, or
                   no descriptor left */
};

/* Whether the process, running or not yet reaped, is a child of the caller's. */
bool kin_is_child(pid_t pid) MUST_CHECK;

/* Whether it is a child of the caller's, or a child of its children and so on. The second needs /proc. */
bool kin_is_descendant(pid_t pid) MUST_CHECK;

/* Looks whether the process is a descendant. If it is, *pid_fd is a descriptor that means this very process, whatever
 * its pid may mean later: the caller's to close; -1 when there is none to be had. Otherwise *pid_fd is -1. */
enum kin kin_take_hold(pid_t pid, int *pid_fd) MUST_CHECK;

/* Signals a process by its descriptor; where there is none (-1), by its pid if that is a descendant's now. Returns 0,
 * or -ESRCH: it has gone; or another -errno. */
int kin_signal(pid_t pid, int pid_fd, int signal_number);

#endif
