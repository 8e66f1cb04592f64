/* SPDX-License-Identifier: MIT
 * Signals. The master has all of them blocked and reads them from a descriptor: nothing interrupts it, nothing is lost,
 * and as process 1 it gets those that the kernel would not deliver. Its children have none blocked, and answer only
 * those that end them. */
#ifndef CLUTCH_ROLE_SIGNALS_H
#define CLUTCH_ROLE_SIGNALS_H

#include "attrs.h"

/* Master: blocks the signals it answers (SIGCHLD, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU and those that end it).
 * Returns a non-blocking descriptor that they are read from, or -errno. */
int role_signals_open(void) MUST_CHECK;
/* The next signal that has come, or 0. */
int role_signals_next(int signal_fd);

/* A child, first thing after the fork from the master: its own dispositions, nothing blocked. SIGTERM, SIGINT and
 * SIGQUIT end it at once until one of the two below is called. The application may replace these handlers: the master
 * does not count on them. In a process that the application forks they end that process. */
void role_signals_become_child(void);

/* The zygote, when the application is loaded: SIGINT, which a terminal sends to everybody, is the master's business. */
void role_signals_become_zygote(void);

/* A worker that is ready: from now on the first SIGTERM or SIGINT makes the descriptor readable, which is returned (or
 * -errno); the second, and SIGQUIT, ends the worker at once. */
int role_signals_become_worker(void) MUST_CHECK;

/* The exit status of a child that such a signal ended at once: that of a shell. */
static inline int role_signals_exit_status(int signal_number)
{
    return 128 + signal_number;
}
/* The signal behind such an exit status. */
static inline int role_signals_of_status(int exit_status)
{
    return exit_status - 128;
}

#endif
