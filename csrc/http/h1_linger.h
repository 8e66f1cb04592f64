/* SPDX-License-Identifier: MIT
 * Closing with care (RFC 9112 9.6): closing with bytes unread would reset the connection, and may take an answer along
 * that the client has not read. h1_conn_part and h1_conn_refuse of h1_conn_priv.h are here as well. */
#ifndef CLUTCH_H1_LINGER_H
#define CLUTCH_H1_LINGER_H

struct h1_conn;

/* Says that no more will come, and throws away for a while what still comes in. May close the connection. */
void h1_linger_begin(struct h1_conn *);

/* Throws away what has come in; closes the connection when the client has hung up, or floods. */
void h1_linger_discard(struct h1_conn *);

#endif
