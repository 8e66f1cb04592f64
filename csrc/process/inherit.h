/* SPDX-License-Identifier: MIT
 * The complete list of what a child receives across the fork. */
#ifndef CLUTCH_INHERIT_H
#define CLUTCH_INHERIT_H

#include <stddef.h>
#include <stdint.h>

struct app_metrics;
struct config;
struct gateway_ops;
struct handoff;
struct listener;
struct log_syslog;
struct privileges;
struct sandbox;
struct scoreboard;

/* The same for all children of a master. All of it is borrowed. */
struct inherit {
    const struct config *config;
    const struct gateway_ops *gateway_ops;
    const struct privileges *privileges; /* to be taken on */
    struct sandbox *sandbox;             /* to be entered after that */
    struct scoreboard *scoreboard;
    struct app_metrics *app_metrics;  /* NULL: none */
    const struct handoff *handoff;    /* the queue of all workers; open descriptors */
    const struct listener *listeners; /* open descriptors */
    size_t listener_count;
    int access_log_fd;                /* -1: no access log, or in syslog */
    struct log_syslog *access_syslog; /* NULL: no access log, or no syslog */
};

/* What one child is to be. Passed to the zygote for a worker as it stands, with the descriptor beside it. */
struct birth {
    int32_t number;     /* of the worker; 0: the zygote */
    int32_t row;        /* its place in the scoreboard and in the hand-off board; the zygote's: -1 */
    int32_t generation; /* that it belongs to, from 1 */
    int32_t control_fd; /* owned by the child: the channel to the master, for its notices. A worker is told here
                           to serve, and to end, the zygote gets its orders here */
    uint64_t serial;    /* to be named in its notices */
};

#endif
