/* SPDX-License-Identifier: MIT
 * What h1_conn.c and h1_read.c share: the states, and the one way from one to another. */
#ifndef CLUTCH_H1_CONN_PRIV_H
#define CLUTCH_H1_CONN_PRIV_H

#include "h1_conn.h"

extern const struct h1_state H1_ACCEPTED, H1_IDLE, H1_READING_HEAD, H1_READING_BODY, H1_WAITING, H1_RUNNING_APP,
    H1_WRITING, H1_LINGERING, H1_CLOSED;

/* The only writer of conn->state: deadlines, the lists of the server and the epoll set follow from it. May close the
 * connection. */
void h1_conn_enter_state(struct h1_conn *, const struct h1_state *);

/* Has the server look at the connection again without waiting for an event. */
void h1_conn_make_pending(struct h1_conn *);

/* Answers with a status and a line of text, then closes with care. `parse` may be NULL. */
void h1_conn_refuse(struct h1_conn *, const struct h1_parse *parse, struct h1_refusal);

/* It has had its last answer: closes with care. */
void h1_conn_part(struct h1_conn *);

/* Frees what is kept of an incomplete request. */
void h1_conn_drop_partial(struct h1_conn *);

#endif
