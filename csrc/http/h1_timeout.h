/* SPDX-License-Identifier: MIT
 * --request-timeout: a request that has run for too long is answered with 504, or its response is cut off, by whoever
 * drives the loop, while its app thread still runs it. One deadline in the loop stands for all app threads; it is set
 * while requests run, so an idle server has none. */
#ifndef CLUTCH_H1_TIMEOUT_H
#define CLUTCH_H1_TIMEOUT_H

struct h1_driver;
struct h1_server;

void h1_timeout_init(struct h1_server *);

/* An app thread's driver exists from now on, until the server ends. From any thread. */
void h1_timeout_add(struct h1_server *, struct h1_driver *);

/* The app thread of this driver has taken a request (times.taken_us is set). Before it leaves the drive, if it has it.
 * To be called only if there is a time limit. */
void h1_timeout_expect(struct h1_server *, struct h1_driver *);

/* Whoever drives: an app thread that does not has asked for the deadline. */
void h1_timeout_arm(struct h1_server *);

#endif
