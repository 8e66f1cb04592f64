/* SPDX-License-Identifier: MIT
 * Reloads: a new generation of workers beside the one that serves, which takes over when all of it is ready. Runs in
 * the master. */
#ifndef CLUTCH_GENERATION_H
#define CLUTCH_GENERATION_H

#include <stdbool.h>
#include <stdint.h>

struct master;
struct slot;

/* Gives the first generation its places. Returns false after logging that there is no memory for them. */
bool generation_begin(struct master *);

/* A reload is wanted (SIGHUP). One that is under way is followed by one more; ignored while the server stops. */
void generation_ask_reload(struct master *);

/* The application in a worker wants one: --uwsgi-module alone allows it that, every five seconds at most. */
void generation_ask_for_application(struct master *, const struct slot *);

/* When to go on with that; SLOT_NEVER. */
int64_t generation_next_us(const struct master *);

/* After every batch of events: has workers that are ready serve, ends what is over, goes on with a reload. */
void generation_step(struct master *);

/* A process of the coming generation will not become ready, or has gone: why, for the one line that says that the
 * reload has failed. The first reason counts. Nothing for any other process. */
void generation_note_failure(struct master *, const struct slot *, const char *why);

/* The application cannot be loaded, and --reload is given: nobody is started any more until the next reload. */
void generation_await_change(struct master *);

/* The server is to stop, and nobody has been told: workers that may serve by now begin to. */
void generation_stop_begin(struct master *);

/* The server stops: whoever waits for a reload need not go on. */
void generation_stop(struct master *);

#endif
