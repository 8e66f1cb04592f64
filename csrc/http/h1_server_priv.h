/* SPDX-License-Identifier: MIT
 * What h1_server.c and h1_conn.c share and nobody else sees. */
#ifndef CLUTCH_H1_SERVER_PRIV_H
#define CLUTCH_H1_SERVER_PRIV_H

#include "h1_conn.h"
#include "h1_server.h"

enum { READ_BUFFER_BYTES = 65536, MOST_WATCHES = 4 };

/* What the thread that drives the loop works with; a connection borrows it for as long as one request takes. */
struct h1_driver {
    char *read_buffer; /* READ_BUFFER_BYTES */
    struct buf replay; /* pipelined bytes while their request runs */
    struct h1_parse *parse;
    struct h1_body body;
    struct h1_exchange exchange;
};

struct h1_acceptor {
    struct loop_source source;
    struct h1_server *server;
    const struct listener *listener;
};

struct h1_watch {
    struct loop_source source;
    void (*on_readable)(void *context, int fd);
    void *context;
};

struct h1_server {
    const struct h1_settings *settings;
    const struct h1_observer *observer;
    struct loop loop;
    struct deadline_queue waits[WAIT_COUNT];
    struct deadline_queue accept_pause;
    struct deadline accept_deadline;
    struct h1_acceptor *acceptors; /* owned; one for each listener */
    size_t acceptor_count;
    struct h1_watch watches[MOST_WATCHES];
    size_t watch_count;
    struct h1_driver driver;
    struct h1_conn *ready;   /* its request is complete and waits for the caller of h1_server_next */
    struct h1_conn *running; /* its request is being served */
    struct list conns;
    size_t conn_count;   /* open ones */
    size_t conn_limit;   /* the rest of the descriptors is the application's */
    struct list closed;  /* to be freed when no callback is on the stack */
    struct list idle;    /* IDLE, longest idle first */
    struct list pending; /* to be looked at again without waiting for an event */
    _Atomic(bool) is_draining;
    bool is_accept_paused;
};

#endif
