/* SPDX-License-Identifier: MIT
 * How this process was started: what another start of the program needs to be like this one, and what a service manager
 * or the server that this one follows has left in the environment. Taken before anything is changed. */
#ifndef CLUTCH_LAUNCH_H
#define CLUTCH_LAUNCH_H

#include <stdint.h>
#include <sys/types.h>

struct launch {
    char **arguments;   /* borrowed: argv */
    char **environment; /* owned; without what is meant for this process alone; NULL: no memory */
    char *directory;    /* owned: the working directory, as $PWD names it if that is right; NULL: unknown */
    char *program;      /* owned: the file to be started, so that a new file in its place is found; NULL: unknown */
    mode_t umask;

    int socket_count;    /* descriptors from LAUNCH_FIRST_SOCKET on (LISTEN_FDS); below 0: the number is no number */
    char *socket_names;  /* owned: parted by colons (LISTEN_FDNAMES); NULL: none */
    char *notify_socket; /* owned: where the service manager wants news (NOTIFY_SOCKET); NULL: nowhere */
    int64_t watchdog_us; /* within which it wants a sign of life (WATCHDOG_USEC); 0: it does not */
    char *passed;        /* owned: what the server that this one follows has left (passing.h); NULL: there is none */
};

enum { LAUNCH_FIRST_SOCKET = 3 };

/* The variable that `passed` comes in. */
#define LAUNCH_PASSED "CLUTCH_UPGRADE"

/* Once, in a process with one thread, before the environment is read: removes from it what is not the application's
 * business. Ends the process without memory. End it with launch_fini. */
void launch_take(struct launch *, char **argv);
void launch_fini(struct launch *);

#endif
