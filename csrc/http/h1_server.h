/* SPDX-License-Identifier: MIT
 * The HTTP/1 server of one worker: listeners, connections, the loop. It has no thread: the app thread that calls
 * h1_server_next drives everything, without the GIL, until a request is complete, and gets that request to run.
 *
 *     while ((exchange = h1_server_next(server)) != NULL) {
 *         gateway->serve(thread, exchange);
 *         h1_server_finish(server, exchange);
 *     }
 */
#ifndef CLUTCH_H1_SERVER_H
#define CLUTCH_H1_SERVER_H

#include <stddef.h>

#include "attrs.h"
#include "exchange.h"
#include "h1_exchange.h"
#include "h1_limits.h"
#include "listener.h"

struct h1_server;

/* Told of every request; never blocks. on_end comes when the response has been handed to the kernel or queued. */
struct h1_observer {
    void *context;
    void (*on_begin)(void *context, const struct exchange *);
    void (*on_end)(void *context, const struct exchange *, const struct h1_summary *);
};

/* Returns a server owned by the caller, or NULL after logging why. Everything is borrowed for its lifetime. */
struct h1_server *h1_server_new(const struct h1_settings *, const struct listener *listeners, size_t listener_count,
                                const struct h1_observer *) MUST_CHECK;

/* Watches one more descriptor: the callback runs inside h1_server_next whenever it is readable. 0 or -errno. */
int h1_server_watch(struct h1_server *, int fd, void (*on_readable)(void *context, int fd), void *context) MUST_CHECK;
void h1_server_unwatch(struct h1_server *, int fd);

/* Drives the loop until a request is complete and returns it, owned by the server; NULL once a drain is complete.
 * Waits: call it without the GIL. */
struct exchange *h1_server_next(struct h1_server *);

/* After the gateway has served it: sends what is buffered and lets the connection go on or close. */
void h1_server_finish(struct h1_server *, struct exchange *);

/* Accept no more, close idle connections, answer what has begun; then h1_server_next returns NULL. May be called more
 * than once. */
void h1_server_drain(struct h1_server *);

void h1_server_free(struct h1_server *);

#endif
