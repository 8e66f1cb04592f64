/* SPDX-License-Identifier: MIT
 * The sentry: a thread of the worker that never touches the application. While no app thread is free it drives the
 * loop, so that bytes are read, time limits kept and responses sent, and whole requests go to the queue of all workers.
 */
#ifndef CLUTCH_H1_SENTRY_H
#define CLUTCH_H1_SENTRY_H

enum { SENTRY_THREAD = -1 };

struct h1_server;

/* Ends the thread, if it runs, and waits for its end. */
void h1_sentry_stop(struct h1_server *);

#endif
