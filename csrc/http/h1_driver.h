/* SPDX-License-Identifier: MIT
 * What one thread that drives the loop works with: its own buffer, parser and exchange. A connection borrows them for
 * as long as one request takes; a waiting connection owns none of it. */
#ifndef CLUTCH_H1_DRIVER_H
#define CLUTCH_H1_DRIVER_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "buf.h"
#include "drive.h"
#include "h1_body.h"
#include "h1_exchange.h"
#include "h1_parse.h"
#include "h1_request_id.h"

enum { READ_BUFFER_BYTES = 65536 };

struct h1_conn;
struct h1_server;

/* The ends of a request whose client a proxy has named. */
struct h1_told_endpoints {
    struct endpoints endpoints;
    char address[INET6_ADDRSTRLEN];
    char port[6];
};

struct h1_driver {
    struct h1_server *server;
    struct h1_driver *next; /* server->drivers */
    int thread;             /* number of the app thread; -1: the sentry */
    struct drive_seat seat;
    bool is_driving;
    _Atomic(bool) is_called; /* a descriptor of h1_server_watch_from was readable */
    char *read_buffer;       /* READ_BUFFER_BYTES */
    struct buf replay;       /* pipelined bytes while their request runs */
    struct h1_parse *parse;
    struct h1_body body;
    struct h1_exchange exchange;
    struct exchange_progress *progress; /* of the observer, or own_progress */
    struct exchange_progress own_progress;
    struct h1_told_endpoints told;
    struct h1_request_ids request_ids;
    struct h1_conn *ready;   /* its request is complete, for this thread to run */
    struct h1_conn *running; /* its request is being served */
};

/* 0, or -ENOMEM with nothing to be freed. */
int h1_driver_init(struct h1_driver *, struct h1_server *, int thread) MUST_CHECK;
void h1_driver_fini(struct h1_driver *);

/* The request of this connection begins on this driver's thread. Its id becomes one of its fields. */
void h1_driver_start_exchange(struct h1_driver *, struct h1_conn *, struct h1_parse *, const struct h1_body *);

static inline bool h1_driver_is_sentry(const struct h1_driver *driver)
{
    return driver->thread < 0;
}

#endif
