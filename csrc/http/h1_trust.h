/* SPDX-License-Identifier: MIT
 * Whom a connection comes from, and whether that is believed what it says of its client: the peer's address, the PROXY
 * header in front of the first request, and what goes along to another worker. */
#ifndef CLUTCH_H1_TRUST_H
#define CLUTCH_H1_TRUST_H

#include <stdbool.h>
#include <sys/socket.h>

#include "slice.h"

struct endpoints;
struct h1_conn;
struct h1_driver;
struct h1_parse;
struct handoff_header;

/* A new connection: the client is the peer until a proxy says otherwise. */
void h1_trust_begin(struct h1_conn *, const struct sockaddr_storage *peer);

/* To be asked first of what has come on a connection that awaits_proxy_header. Cuts the header's bytes off *bytes.
 * Returns whether the header is complete; if not, the connection may have been refused. */
bool h1_trust_take_header(struct h1_conn *, struct slice *bytes);

/* Forgets what has come of an incomplete header. */
void h1_trust_drop_header(struct h1_conn *);

/* What another worker has to know of the connection, and the same there, after h1_trust_begin. */
void h1_trust_describe(const struct h1_conn *, struct handoff_header *);
void h1_trust_restore(struct h1_conn *, const struct handoff_header *);

/* The ends of one request: those of its connection, with what a trusted proxy has said of the client. Valid until the
 * driver's next request. */
const struct endpoints *h1_trust_endpoints(struct h1_driver *, const struct h1_conn *, const struct h1_parse *);

#endif
