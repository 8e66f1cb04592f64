/* SPDX-License-Identifier: MIT
 * Accepting connections, and what happens when there is no room for another one. */
#ifndef CLUTCH_H1_ACCEPT_H
#define CLUTCH_H1_ACCEPT_H

#include <stdbool.h>
#include <stddef.h>

#include "attrs.h"
#include "listener.h"
#include "loop.h"

struct h1_place;
struct h1_server;

struct h1_acceptor {
    struct loop_source source;
    struct h1_server *server;
    const struct listener *listener;
};

struct h1_accepting {
    struct h1_acceptor *acceptors; /* owned; one for each listener */
    size_t acceptor_count;
    size_t conn_limit; /* the rest of the descriptors is the application's */
    struct deadline_queue pause;
    struct deadline pause_deadline;
    bool is_paused;
    uint32_t seen_unaccepted;                  /* of handoff_board.unaccepted */
    int64_t warned_us;                         /* when it was last said that there is no room */
    bool (*is_welcome)(void *context, int fd); /* of struct h1_place */
    void *context;
};

/* Begins to accept, unless the server is held. 0 or -errno, logged. The listeners are borrowed. */
int h1_accept_start(struct h1_server *, const struct h1_place *) MUST_CHECK;
/* Begins now, where the server was held at the start. */
void h1_accept_begin(struct h1_server *);
/* No more, for good. */
void h1_accept_end(struct h1_server *);
/* When the whole server stops, after h1_accept_end: takes the connections that the kernel has completed, whose clients
 * may have sent a request; the listener is about to be closed, which would cut them off. */
void h1_accept_rest(struct h1_server *);
void h1_accept_free(struct h1_server *);

/* Whoever drives: accepts what another worker was woken for in vain, if there is such. */
void h1_accept_look_again(struct h1_server *);

/* Any thread: whether there is room for one more connection than are open, without closing any. */
bool h1_accept_has_room(const struct h1_server *);
/* The same, and descriptors are left to receive a connection and the file of its body. */
bool h1_accept_has_room_for_message(const struct h1_server *);
/* Whoever drives: makes that room, at the cost of the longest idle connections if it must. Returns false when there is
 * none. */
bool h1_accept_make_room_for_message(struct h1_server *) MUST_CHECK;

#endif
