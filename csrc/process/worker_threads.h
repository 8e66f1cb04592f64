/* SPDX-License-Identifier: MIT
 * The app threads of one worker: number 0 is the process's main thread, and Python's; the others are threads of ours.
 * Each has its part of the gateway and its driver of the server, and runs one request at a time. */
#ifndef CLUTCH_WORKER_THREADS_H
#define CLUTCH_WORKER_THREADS_H

#include <stdint.h>

#include "attrs.h"

struct gateway;
struct gateway_ops;
struct h1_driver;
struct h1_server;
struct worker_threads;

/* Makes `count` app threads of which the caller's is number 0; the others are not started yet. All is borrowed until
 * worker_threads_free. Returns NULL after logging why. */
struct worker_threads *worker_threads_new(const struct gateway_ops *, struct gateway *, struct h1_server *,
                                          int count) MUST_CHECK;

/* The thread's id for the system, as Python shows it. */
unsigned long worker_threads_id(const struct worker_threads *, int thread);
/* gateway_ops.interrupt of this thread, which runs a request. */
void worker_threads_interrupt(const struct worker_threads *, int thread, uint64_t request);

/* The driver of thread 0. */
struct h1_driver *worker_threads_main_driver(const struct worker_threads *);

/* Starts the sentry of the server and the other app threads, and waits until all of them are able to serve; none does
 * yet. Returns 0, or -1 after logging why: what was started waits for ever then, and the process has to end. */
int worker_threads_start(struct worker_threads *) MUST_CHECK;

/* Serves, on all of them, the caller's included, until a drain of the server is complete. Afterwards the caller's is
 * the only one left. Without the GIL. */
void worker_threads_serve(struct worker_threads *);

/* After worker_threads_serve, by the same thread, before the server is freed. */
void worker_threads_free(struct worker_threads *);

#endif
