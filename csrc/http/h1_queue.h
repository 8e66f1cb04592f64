/* SPDX-License-Identifier: MIT
 * Requests that wait for a free app thread of any worker: into the queue of all workers (handoff.h) and out of it. What
 * finds no room there is held by the connection until there is. */
#ifndef CLUTCH_H1_QUEUE_H
#define CLUTCH_H1_QUEUE_H

#include <stdbool.h>

#include "h1_body.h"
#include "h1_parse.h"

struct h1_conn;
struct h1_driver;
struct h1_server;

void h1_queue_init(struct h1_server *);

/* Whoever drives (both): watches the queue, as an app thread that could take a request; or no more. */
void h1_queue_watch(struct h1_server *);
void h1_queue_unwatch(struct h1_server *);

/* Whoever drives: this worker takes none any more; a message that it was woken for wakes another. */
void h1_queue_leave(struct h1_server *);

/* An app thread: whether h1_queue_take is worth a call. A few loads. */
bool h1_queue_may_have_requests(const struct h1_server *, const struct h1_driver *);

/* Whether as many wait as may (--queue-limit). */
bool h1_queue_is_full(const struct h1_server *);

/* Whoever drives: this request is complete and is to be run elsewhere, or later. Takes both over; answers it with 503
 * when too many wait. */
void h1_queue_put(struct h1_conn *, struct h1_parse *, struct h1_body *);

/* Whoever drives: parts with a connection that waits for a request. Returns false when nobody could take it. */
bool h1_queue_put_idle(struct h1_conn *);

/* An app thread, driving or not: takes the next request, which is driver->ready then. Returns false when there is
 * none. */
bool h1_queue_take(struct h1_server *, struct h1_driver *);

#endif
