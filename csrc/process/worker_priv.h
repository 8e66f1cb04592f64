/* SPDX-License-Identifier: MIT
 * A worker, shared by its parts alone. */
#ifndef CLUTCH_WORKER_PRIV_H
#define CLUTCH_WORKER_PRIV_H

#include <stdbool.h>
#include <sys/types.h>

#include "cidr.h"
#include "gateway.h"
#include "h1_server.h"
#include "inherit.h"
#include "warmup.h"
#include "worker_health.h"
#include "worker_limits.h"

struct access_log;
struct scoreboard_row;
struct worker_stacks;
struct worker_threads;
struct worker_timeouts;

struct worker {
    const struct inherit *inherit;
    const struct gateway_ops *ops;
    struct birth birth;
    pid_t pid;
    struct scoreboard_row *row;
    struct gateway *gateway;        /* owned */
    struct worker_threads *threads; /* owned */
    struct access_log *access_log;  /* owned; NULL: none */
    struct h1_settings settings;
    struct worker_health health;
    struct cidr_list trusted; /* owned */
    struct h1_observer observer;
    struct worker_limits limits;
    struct warmup warmup;
    int exit_status;
    struct h1_server *server;         /* owned */
    struct worker_stacks *stacks;     /* owned; NULL: the gateway has none */
    struct worker_timeouts *timeouts; /* owned; NULL: no --request-timeout */
    int told_fd;                      /* owned; readable when a signal told us to end */
    bool is_orphan;                   /* the master has died */
};

/* --- worker_requests.c --- */

/* Sets the observer: each request stands in the scoreboard while it runs, is counted, and logged. */
void worker_observe(struct worker *);

#endif
