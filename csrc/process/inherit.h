/* SPDX-License-Identifier: MIT
 * The complete list of what a worker receives across the fork. */
#ifndef CLUTCH_INHERIT_H
#define CLUTCH_INHERIT_H

#include <stdint.h>
#include <sys/types.h>

struct config;
struct gateway_ops;
struct listener;
struct scoreboard;

struct inherit {
    const struct config *config;
    const struct gateway_ops *gateway_ops;
    struct scoreboard *scoreboard;
    const struct listener *listeners; /* borrowed; open descriptors */
    size_t listener_count;
    int access_log_fd;   /* -1: no access log */
    int notify_fd;       /* write end: struct worker_notice to the master; a write is atomic */
    pid_t master_pid;
};

#endif
