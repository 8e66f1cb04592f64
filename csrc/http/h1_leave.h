/* SPDX-License-Identifier: MIT
 * A worker that ends parts with the connections that wait for a request: its siblings go on with them; when the whole
 * server stops they are closed. */
#ifndef CLUTCH_H1_LEAVE_H
#define CLUTCH_H1_LEAVE_H

#include <stdbool.h>

struct h1_conn;
struct h1_server;

void h1_leave_init(struct h1_server *);

/* Whoever drives, when the drain begins: parts with all that are quiet. Where the siblings' queue has no room it is
 * tried again until it has; a connection of a stopping server that has only just come has a moment for its request. */
void h1_leave_begin(struct h1_server *);

/* Whoever drives, later: a connection that has been answered and that the queue has no room for. Keeps it until there
 * is, and returns true; false: it is to be closed. */
bool h1_leave_keep(struct h1_conn *);

#endif
