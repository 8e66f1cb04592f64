/* SPDX-License-Identifier: MIT
 * How a client is called, in logs and to the application. */
#ifndef CLUTCH_H1_PEER_H
#define CLUTCH_H1_PEER_H

#include <netinet/in.h>
#include <sys/socket.h>

/* Writes its address and port as text; both stay as they are for the client of a unix socket, which has no name. */
void h1_peer_name(const struct sockaddr_storage *, char name[INET6_ADDRSTRLEN], char port[6]);

#endif
