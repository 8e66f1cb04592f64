/* SPDX-License-Identifier: MIT
 * The signal that asks a process for the Python stacks of its threads: while it loads the application or ends, whoever
 * takes the signal writes them to the error log; in between it is the business of process/worker_stacks.c. */
#ifndef CLUTCH_STACKS_SIGNAL_H
#define CLUTCH_STACKS_SIGNAL_H

#include <signal.h>

#define STACKS_SIGNAL (SIGRTMIN + 7)

#endif
