/* SPDX-License-Identifier: MIT
 * What the files of the server share and nobody else sees. Everything that is not marked otherwise belongs to the
 * thread that drives. */
#ifndef CLUTCH_H1_SERVER_PRIV_H
#define CLUTCH_H1_SERVER_PRIV_H

#include <pthread.h>

#include "h1_accept.h"
#include "h1_balance.h"
#include "h1_conn.h"
#include "h1_counts.h"
#include "h1_driver.h"
#include "h1_log_limit.h"
#include "h1_server.h"

enum { MOST_WATCHES = 10 };

struct h1_watch {
    struct loop_source source;
    struct h1_server *server;
    struct h1_driver *driver; /* the only one that may run the callback; NULL: any */
    void (*on_readable)(void *context, int fd);
    void *context;
};

struct h1_server {
    const struct h1_settings *settings;
    const struct h1_observer *observer;
    const struct handoff *handoff; /* NULL: no other worker can take a request */
    struct handoff_row *row;       /* NULL without handoff */
    size_t row_number;
    const struct listener *listeners;
    size_t listener_count;
    struct h1_counts *counts; /* own_counts when nobody else is to see them */
    struct h1_counts own_counts;
    struct loop loop;
    struct drive drive;
    struct h1_driver *driver; /* of the thread that drives */
    struct h1_driver sentry;
    pthread_t sentry_thread;
    bool has_sentry_thread;
    struct deadline_queue waits[WAIT_COUNT];
    struct h1_accepting accepting;
    struct h1_watch watches[MOST_WATCHES];
    size_t watch_count;
    struct h1_balance balance;

    struct list conns;
    struct list closed;              /* to be freed when no callback is on the stack */
    struct list idle;                /* IDLE, longest idle first */
    struct list pending;             /* to be looked at again without waiting for an event */
    struct list held;                /* WAITING: whole requests that found no place in the queue of all workers */
    struct loop_source queue_source; /* that queue's end to take from */
    size_t held_count;
    bool is_queue_watched;
    bool has_queue_event;
    bool is_held;        /* no listener is watched, and may_take is false */
    unsigned queue_turn; /* of whoever drives, while requests wait in the queue */
    struct deadline_queue queue_looks, held_tries;
    struct deadline queue_look, held_try;
    struct deadline_queue refusal_tells;
    struct deadline_queue leave_tries;
    struct deadline leave_try;
    int64_t leaving_since_us;
    struct deadline refusal_tell; /* some refusals were left out of the log */

    struct deadline_queue timeouts;
    struct deadline timeout; /* some running request may be due */

    /* From any thread. */
    _Atomic(struct h1_driver *) drivers; /* of the app threads */
    _Atomic(bool) is_timeout_set;
    _Atomic(bool) wants_timeout;        /* the deadline is to be set */
    _Atomic(struct h1_conn *) returned; /* connections whose request has been served while another thread drove */
    struct h1_log_limit refusal_limit;
    _Atomic(size_t) conn_count; /* open ones */
    _Atomic(uint64_t) request_count;
    _Atomic(bool) is_draining;
    bool is_abandoned;       /* the siblings end as well, though the board does not say so */
    _Atomic(bool) may_take;  /* requests out of the queue of all workers */
    int64_t wall_offset_us;  /* of the wall clock from the other, when last seen by whoever drives */
    int64_t steady_since_us; /* since when the wall clock has not jumped; 0: not once */
};

/* One step of whoever drives: an event, or a connection that needs none. Waits when there is nothing to do and
 * `may_wait`. */
void h1_server_step(struct h1_server *, bool may_wait);

/* Whether the siblings end with this server, so that nothing can be left to them. Driver only. */
bool h1_server_ends_for_all(const struct h1_server *);

/* Whether a request would be run at once if an app thread took it now. */
static inline bool h1_server_can_serve(const struct h1_server *server)
{
    return server->observer->can_serve == NULL || server->observer->can_serve(server->observer->context);
}

static inline bool h1_server_lacks(const struct h1_server *server, enum h1_without mechanism)
{
    return (server->settings->without & mechanism) != 0;
}

#endif
