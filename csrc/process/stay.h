/* SPDX-License-Identifier: MIT
 * What process 1 of a container does when another master has its server: with it everything would end. It passes
 * signals on, reaps orphans, and ends as the last of the masters does. */
#ifndef CLUTCH_STAY_H
#define CLUTCH_STAY_H

#include <stdbool.h>
#include <sys/types.h>

struct stay {
    pid_t pid;       /* the master that serves; 0: this process does */
    int ends[2];     /* owned: a pipe in which masters name those that follow them; -1: none */
    bool has_ended;  /* that one */
    int wait_status; /* how */
};

void stay_init(struct stay *);
/* Makes the pipe, if process 1 is to stay. Returns the end to be passed to other masters, -1: none, or -errno. */
int stay_open(struct stay *);
void stay_close(struct stay *);

/* Whether this process is one that has to stay. */
bool stay_is_needed(void);

/* This one serves from now on. */
void stay_follow(struct stay *, pid_t pid);
/* In any master: tells process 1, if there is one at the other end of the pipe, who follows. */
void stay_tell(int keeper_fd, pid_t pid);

/* The signal goes to the master that serves. */
void stay_pass_on(struct stay *, int number);
/* Whether the process that has ended was that master. */
bool stay_bury(struct stay *, pid_t pid, int wait_status);

/* Passes signals on until it has ended. Returns the exit status for this process. */
int stay_until_end(struct stay *);

#endif
