/* SPDX-License-Identifier: MIT
 * The HTTP/1 server of one worker: listeners, connections, the loop. It is driven, without the GIL, by whichever app
 * thread has nothing else to do, until a request is complete: that thread gets it to run. When none is free the sentry,
 * a thread of the server's own, drives: it reads, writes, keeps the deadlines, and puts whole requests into the queue
 * of all workers (handoff.h).
 *
 *     driver = h1_driver_new(server, number);                       one for each app thread
 *     while ((exchange = h1_server_next(server, driver)) != NULL) {
 *         gateway->serve(thread, exchange);
 *         h1_server_finish(server, driver);
 *     }
 */
#ifndef CLUTCH_H1_SERVER_H
#define CLUTCH_H1_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "attrs.h"
#include "exchange.h"
#include "handoff.h"
#include "h1_counts.h"
#include "h1_exchange.h"
#include "h1_limits.h"
#include "h1_reason.h"
#include "listener.h"

struct h1_server;
struct h1_driver;

/* Told of every request, on the app thread that runs it (`thread`: the number given to h1_driver_new); never blocks.
 * on_end comes when the response has been handed to the kernel or queued. can_serve is asked by any thread: whether a
 * request taken now would be run at once, or would only wait (for the GIL). */
struct h1_observer {
    void *context;
    void (*on_begin)(void *context, int thread, const struct exchange *);
    void (*on_end)(void *context, int thread, const struct exchange *, const struct h1_summary *);
    bool (*can_serve)(void *context); /* NULL: yes */
    /* A request was refused: from any thread. NULL: nobody counts. */
    void (*on_refusal)(void *context, enum h1_reason);
    /* The time of a running request is over: it has been answered with 504 (ANSWERED), or the response that had begun
     * is cut off (CUT), or all of it had been sent and only the application goes on (LATE). This is the moment to count
     * it and to log it, for the request itself may never end; if it does, on_end is told with is_told. The exchange is
     * a copy of what was known when the request began, and its whole time is that of the phase it is in. By whoever
     * drives, in the loop; until it returns the request does not end. NULL: nobody is told. */
    void (*on_timeout)(void *context, int thread, const struct exchange *, const struct h1_summary *,
                       enum h1_fate verdict);
    /* Where this app thread is to say what it does; lives as long as the server. NULL: nowhere. */
    struct exchange_progress *(*progress_of)(void *context, int thread);
};

/* Where the server stands among its siblings; all borrowed. */
struct h1_place {
    const struct listener *listeners;
    size_t listener_count;
    const struct handoff *handoff; /* the queue of all workers */
    size_t row;                    /* of this worker in handoff->board */
    struct h1_counts *counts;      /* where the server counts its connections; NULL: for itself */
    bool is_held;                  /* takes neither connections nor requests until h1_server_let_go */
    /* Whether a connection that has just been accepted is to be kept; NULL: all are. On whoever drives; never waits. */
    bool (*is_welcome)(void *context, int fd);
    void *context;
};

/* Returns a server owned by the caller, or NULL after logging why. Everything is borrowed for its lifetime. */
struct h1_server *h1_server_new(const struct h1_settings *, const struct h1_place *,
                                const struct h1_observer *) MUST_CHECK;

/* The tools of one app thread. Owned by the caller; freed before the server. NULL without memory. */
struct h1_driver *h1_driver_new(struct h1_server *, int thread) MUST_CHECK;
void h1_driver_free(struct h1_driver *);

/* Starts the sentry. To be called once, in the process that serves. 0 or -errno. h1_server_free ends it. */
int h1_server_start_sentry(struct h1_server *) MUST_CHECK;

/* Watches one more descriptor, from before the first h1_server_next: the callback runs whenever it is readable, on
 * whichever thread drives, inside the loop: it must not wait. 0 or -errno. */
int h1_server_watch(struct h1_server *, int fd, void (*on_readable)(void *context, int fd), void *context) MUST_CHECK;
/* The same, but the callback runs inside h1_server_next of this driver only, while it does not drive: it may wait. */
int h1_server_watch_from(struct h1_server *, struct h1_driver *, int fd, void (*on_readable)(void *context, int fd),
                         void *context) MUST_CHECK;
void h1_server_unwatch(struct h1_server *, int fd);

/* Serves a connected socket as if it had been accepted, with the address of the first listener; its peer has no name
 * and sends no PROXY header. Also while the server is held. Inside a callback of h1_server_watch, or before the sentry
 * starts. Takes the descriptor and returns 0; or -ESHUTDOWN (it drains), -ENOMEM: then it is still the caller's. */
int h1_server_adopt(struct h1_server *, int fd) MUST_CHECK;

/* Waits until there is a request for this thread and returns it, owned by the server; NULL once a drain is complete.
 * Call it without the GIL. */
struct exchange *h1_server_next(struct h1_server *, struct h1_driver *);

/* After the gateway has served it: sends what is buffered and lets the connection go on or close. */
void h1_server_finish(struct h1_server *, struct h1_driver *);

/* A server that was held: accept connections and take requests from now on. Inside a callback of h1_server_watch, or
 * before the first h1_server_next. Does nothing the second time, and after h1_server_drain. */
void h1_server_let_go(struct h1_server *);

/* Accept no more, answer what has begun, part with idle connections: to the siblings, unless the whole server stops;
 * then h1_server_next returns NULL on all threads. Inside a callback of h1_server_watch. May be called more than once.
 */
void h1_server_drain(struct h1_server *);

/* Before a drain: nobody is left who could have said that the whole server stops, but it does. Does nothing during one,
 * when others may have what this one leaves. Inside a callback of h1_server_watch. */
void h1_server_abandon(struct h1_server *);

/* How many are open. From any thread. */
size_t h1_server_connection_count(const struct h1_server *);

void h1_server_free(struct h1_server *);

#endif
