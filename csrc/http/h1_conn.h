/* SPDX-License-Identifier: MIT
 * One connection: what it is waiting for, and what ends the wait. It belongs either to the loop or to the app thread
 * that runs its request; h1_conn_enter_state() is the only place where that changes.
 *
 *   READING_HEAD -> READING_BODY -> RUNNING_APP -> IDLE -> READING_HEAD ...
 *                                       |-> WRITING (the client is slow) -> IDLE
 *   a whole request, no free app thread -> another worker, or WAITING -> RUNNING_APP
 *   any reading state -> LINGERING (refused) -> closed */
#ifndef CLUTCH_H1_CONN_H
#define CLUTCH_H1_CONN_H

#include <netinet/in.h>
#include <stdbool.h>

#include "buf.h"
#include "h1_body.h"
#include "h1_counts.h"
#include "h1_exchange.h"
#include "h1_output.h"
#include "h1_parse.h"
#include "list.h"
#include "listener.h"
#include "loop.h"

struct h1_conn;
struct h1_driver;
struct h1_proxy;
struct h1_server;

/* What is to become of a connection whose request has been served. */
enum h1_outcome {
    H1_OUTCOME_GO_ON,  /* the next request, after what is queued of the response has been sent */
    H1_OUTCOME_CLOSE,  /* the end, likewise */
    H1_OUTCOME_ABORT,  /* a cut response must not look like a whole one */
    H1_OUTCOME_LINGER, /* refused: as after h1_conn_refuse */
};

/* What a connection is waiting for. Every waiting state has a deadline. */
struct h1_state {
    const char *name; /* a participle, for logs and debuggers */
    void (*on_readable)(struct h1_conn *);
    void (*on_writable)(struct h1_conn *);
    void (*on_deadline)(struct h1_conn *);
    enum h1_wait wait;
};

/* What a connection keeps of a request that is not complete. */
struct h1_partial {
    struct buf head; /* the bytes of the head, where the parse points */
    struct h1_body body;
    struct h1_parse parse; /* last: it ends in the table of fields */
};

struct h1_conn {
    struct loop_source source;
    struct deadline deadline;
    const struct h1_state *state;
    struct h1_server *server;
    const struct listener *listener; /* that accepted it */
    struct h1_conn *returned_next;   /* server->returned */
    struct list_node conns_node;     /* all connections, or those closed but not freed */
    struct list_node waiting_node;   /* server->idle, server->pending or server->held */
    struct h1_partial *partial;      /* owned; NULL while nothing is partial */
    struct h1_proxy *proxy;          /* owned; what has come of a PROXY header that is not complete, or NULL */
    struct buf leftover;             /* bytes behind the request that is running */
    struct h1_output output;
    struct endpoints endpoints;
    int64_t arrived_us;     /* when the last bytes read had arrived */
    int64_t enqueued_us;    /* when its whole request began to wait for an app thread */
    uint32_t skipped_bytes; /* empty lines so far before the request that is awaited */
    bool is_watched;        /* in the epoll set */
    bool has_missed_events; /* something happened on the socket while no state cared, or was left unread */
    bool has_hung_up;       /* the peer sends no more (EPOLLRDHUP) */
    bool was_half_closed;   /* it sent no more already when its whole request began to wait */
    bool is_ended_by_close; /* the body of the response has no other end */
    enum h1_outcome outcome;
    bool is_trusted; /* whoever sends requests on it is believed what they say of their client */
    bool awaits_proxy_header;
    char peer_address[INET6_ADDRSTRLEN];   /* "": a unix socket */
    char remote_address[INET6_ADDRSTRLEN]; /* of the client: the peer, or whom a PROXY header named */
    char remote_port[6];
};

/* Takes a connected socket. Returns NULL (and closes it) without memory. From any thread: the connection belongs to the
 * caller until h1_conn_adopt gives it to the loop. */
struct h1_conn *h1_conn_new(struct h1_server *, int fd, const struct sockaddr_storage *peer, const struct listener *);
void h1_conn_adopt(struct h1_conn *);

/* Reads what is there and goes on; for a connection just accepted or pending. */
void h1_conn_proceed(struct h1_conn *);

/* An app thread is through with the running request: frees what belongs to it and notes what is to become of the
 * connection. It need not drive. */
void h1_conn_end_request(struct h1_conn *, struct h1_driver *);

/* The app thread gives the connection to the loop: at once when it drives, else through server->returned. */
void h1_conn_give_back(struct h1_conn *, struct h1_driver *);
/* Whoever drives: takes back what app threads have given. */
void h1_conn_take_returned(struct h1_server *);

/* Closes the socket now; the memory is freed by the server after the last callback (h1_conn_free). */
void h1_conn_close(struct h1_conn *);
void h1_conn_free(struct h1_conn *);

/* Whether closing it loses nothing: it waits for a request and nothing of one has come, not even to the socket, or it
 * has had its answer. */
bool h1_conn_is_quiet(const struct h1_conn *);

#endif
