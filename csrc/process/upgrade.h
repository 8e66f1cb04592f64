/* SPDX-License-Identifier: MIT
 * SIGUSR2: the program is started anew beside this master, with the same arguments, environment and directory, and is
 * passed the listeners. When it says that it is ready this master drains and ends; when it does not, this one serves
 * on. handover.h is the other side. */
#ifndef CLUTCH_UPGRADE_H
#define CLUTCH_UPGRADE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct master;
struct pollfd;

/* A signal has come. Returns true when it is dealt with: it asked for an upgrade, or the server is another's by now. */
bool upgrade_take_signal(struct master *, int number);

/* A new master is being started. */
bool upgrade_is_running(const struct master *);
/* A new master serves in place of this one. */
bool upgrade_is_over(const struct master *);
/* Its pid, while it is being started and from then on; 0: there is none. */
pid_t upgrade_pid(const struct master *);

/* After every batch of events: begins what was asked for, hears the new master, enforces its time limit. */
void upgrade_step(struct master *);

/* Whether the process that has ended was the new master. */
bool upgrade_bury(struct master *, pid_t pid, int wait_status);

/* The server stops: so does a new master that has not taken over. */
void upgrade_stop(struct master *);
/* The loop is over: waits until a new master that was told to stop has ended, five seconds at most. */
void upgrade_end(struct master *);

/* The descriptor to be watched, -1: none; and when to look again, SLOT_NEVER. */
int upgrade_watched_fd(const struct master *);
int64_t upgrade_next_us(const struct master *);

/* In a process just forked. */
void upgrade_close_in_child(struct master *);

/* Last of all, when everything else of this master is gone. Process 1 may not end before the server does: it stays,
 * passes signals on to the master that serves, and returns that one's exit status when it has ended. Any other process
 * returns `exit_status` at once. Frees what is left. */
int upgrade_finish(struct master *, int exit_status);

#endif
