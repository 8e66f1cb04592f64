/* SPDX-License-Identifier: MIT
 * Bytes of a connection to requests: from the socket into the driver's buffer, through the parser, and what has to be
 * kept of a request that is not complete. */
#ifndef CLUTCH_H1_READ_H
#define CLUTCH_H1_READ_H

#include "h1_conn.h"

/* Whether the connection is in a state that reads requests. */
bool h1_read_is_due(const struct h1_conn *);

/* Reads what is there until a request is complete, refused, or the socket is empty. Never waits. */
void h1_read_request(struct h1_conn *);

/* Whoever drives, an app thread: readies the whole request of this connection, to be run by this thread. */
void h1_read_run(struct h1_conn *, struct h1_driver *, struct h1_parse *, struct h1_body *);

/* Makes the connection own its whole request, which may lie in the driver's memory so far. Returns false without
 * memory. */
bool h1_read_keep_whole(struct h1_conn *, struct h1_parse *, struct h1_body *);

/* Takes up the bytes that came behind the last request. */
void h1_read_leftover(struct h1_conn *);

#endif
