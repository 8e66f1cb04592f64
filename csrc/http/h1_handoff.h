/* SPDX-License-Identifier: MIT
 * A connection as a message of the queue of all workers, and back. */
#ifndef CLUTCH_H1_HANDOFF_H
#define CLUTCH_H1_HANDOFF_H

#include <stdbool.h>

#include "h1_body.h"
#include "h1_parse.h"
#include "handoff.h"

struct h1_conn;
struct h1_driver;
struct h1_server;

/* Whoever drives: puts the connection with its whole request into the queue. Returns true when it is there: then the
 * connection here is closed, without a word to the client. False: everything is as before, except when the client
 * turned out to be gone: then the connection is closed as well. */
bool h1_handoff_give(struct h1_conn *, const struct h1_parse *, struct h1_body *);
/* The same for a connection that waits for a request. */
bool h1_handoff_give_idle(struct h1_conn *);

/* Any thread: makes a connection of a message that it has taken into driver->read_buffer. A request is parsed again,
 * into driver->parse and driver->body. Returns the connection, which belongs to the caller and to no list yet; NULL
 * (logged) when there is no memory or the message is not what it should be: then the client's connection is closed. */
struct h1_conn *h1_handoff_receive(struct h1_server *, struct h1_driver *, struct handoff_message *);

#endif
