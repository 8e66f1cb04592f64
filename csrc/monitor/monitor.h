/* SPDX-License-Identifier: MIT
 * The monitor: a process of its own that answers /metrics, /livez, /readyz and /startupz, and at the control socket
 * what `clutch status` asks. It has no Python and takes no part in the serving; it reads the scoreboard. So it answers
 * also when every worker is stuck. */
#ifndef CLUTCH_MONITOR_H
#define CLUTCH_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "attrs.h"

struct app_metrics;
struct handoff;
struct listener;
struct scoreboard;

/* What it sees of the server; all borrowed for its lifetime. */
struct monitor_view {
    const struct scoreboard *scoreboard;
    const struct handoff *handoff;           /* of which it reads the board alone */
    const struct listener *server_listeners; /* where the workers accept: it looks at their queues */
    size_t server_listener_count;
    const struct app_metrics *app_metrics; /* the application's own figures; NULL: it can have none */
    const char *version;                   /* of clutch: "1.2.3" */
    const char *python;                    /* "3.11.7" */
};

/* What it is to do. */
struct monitor_task {
    struct monitor_view view;
    const struct listener *listeners; /* where it serves */
    size_t listener_count;
    const struct listener *control; /* where it is asked by `clutch status` and the like; NULL: nowhere */
    uid_t owner;                    /* of the server: may do that, as root may, and nobody else */
    int control_fd;                 /* end of file tells it to end; the caller's */
    bool (*goes_on)(void *context); /* it is readable: takes what there is; false: to end. NULL: to end */
    /* Orders to the master, from any thread; never wait. */
    void (*poke_master)(void *context);
    void (*ask_reload)(void *context);
    void (*ask_stacks)(void *context, int row); /* has it signal the worker in this row */
    void *context;
};

/* Serves until it is told to end. Returns the exit status of the process: EXIT_FAILURE after logging why it could not
 * begin. */
int monitor_serve(const struct monitor_task *) MUST_CHECK;

#endif
