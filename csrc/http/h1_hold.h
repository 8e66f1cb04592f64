/* SPDX-License-Identifier: MIT
 * Responses of one batch of ready requests that leave together: a client that sleeps is woken once for many of them,
 * which is a good part of what a request costs. A small whole response is held while the next request of the batch
 * runs, for half a millisecond at most; whatever ends the batch, or has the sentry step in, sends what is held. Only
 * with one app thread, and for applications that take about that long: shorter ones keep their clients awake anyway. */
#ifndef CLUTCH_H1_HOLD_H
#define CLUTCH_H1_HOLD_H

struct h1_conn;
struct h1_driver;
struct h1_server;

/* The driver is about to leave the loop with a request: may its response be held? */
void h1_hold_prepare(struct h1_server *, struct h1_driver *);

/* The request has been served: sends what has been held for long enough, or, when somebody else drives now, all. */
void h1_hold_finish(struct h1_server *, struct h1_driver *, struct h1_conn *);

/* Whoever drives: keeps a connection whose response is held. */
void h1_hold_keep(struct h1_server *, struct h1_conn *);
/* Whoever drives: sends all. */
void h1_hold_release(struct h1_server *);
/* The sentry, which has just taken the drive: also that of the request that is running. */
void h1_hold_release_running(struct h1_server *);

#endif
