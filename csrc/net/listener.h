/* SPDX-License-Identifier: MIT
 * Sockets that the master opens and the workers accept from. */
#ifndef CLUTCH_LISTENER_H
#define CLUTCH_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/un.h>

#include "attrs.h"

enum { LISTENER_PATH_BYTES = sizeof(((struct sockaddr_un *)0)->sun_path), LISTENER_ADDRESS_BYTES = 272 };

struct socket_file_access;

struct listener {
    int fd; /* owned; non-blocking, close-on-exec; -1 when closed */
    bool is_unix;
    char server_name[64];           /* SERVER_NAME: the address as text; "localhost" for a unix socket */
    char server_port[6];            /* SERVER_PORT: decimal, the real one when 0 was asked for; "" for a unix socket */
    char path[LISTENER_PATH_BYTES]; /* of a unix socket, to be removed at the end; else "" */
    dev_t device;                   /* of that file, and its inode: by then another server's may be there */
    ino_t inode;
    char url[160];                        /* "http://127.0.0.1:8000", "unix:/run/app.sock" */
    char address[LISTENER_ADDRESS_BYTES]; /* as it was given; "" for one that was passed by a service manager */
    bool is_kept; /* another process goes on with the socket: listener_end closes it and does nothing else */
};

/* Whether the text has the form of an address. 0, or -1 after writing to `error` (size bytes) what was expected. */
int listener_check_address(const char *address, char *error, size_t size) MUST_CHECK;

/* Opens one address: HOST:PORT, :PORT (all IPv4 addresses), [IPV6]:PORT, unix:PATH. A stale unix socket that nobody
 * answers is replaced. TCP_NODELAY is set, for accepted connections to inherit it. Returns 0, or -1 after writing to
 * `error` (size bytes) what is wrong with `address` and what was expected; the listener is closed then. */
int listener_open(struct listener *, const char *address, int backlog, char *error, size_t size) MUST_CHECK;

/* The same, where it is a unix socket with these permissions and this owner. */
int listener_open_for(struct listener *, const char *address, const struct socket_file_access *, int backlog,
                      char *error, size_t size) MUST_CHECK;

/* The same two for addresses on this machine alone: unix:PATH or PATH, a file that only its owner may connect to, and
 * @NAME, an abstract unix socket, which needs no file and has no permissions: for a server that looks who connects. */
int listener_check_local_address(const char *address, char *error, size_t size) MUST_CHECK;
int listener_open_local(struct listener *, const char *address, int backlog, char *error, size_t size) MUST_CHECK;

/* Takes over a socket that another program has opened and given to this one, which owns `fd` then: a stream socket that
 * listens, of IPv4, IPv6 or unix. It is_kept, and its file, if it has one, is not this server's. Returns 0, or -1 after
 * writing to `error` (size bytes) what is wrong with it; the descriptor is closed then. */
int listener_adopt(struct listener *, int fd, char *error, size_t size) MUST_CHECK;

/* Whether the file at `path` is still that of the socket, by its device and inode. */
bool listener_is_file(const char *path, dev_t device, ino_t inode);

/* Writes down where the socket really is: the kernel has chosen the port when 0 was asked for. 0 or -errno. */
int listener_describe_network(struct listener *) MUST_CHECK;

/* Closes this process's descriptor; the other processes that have the socket go on listening. */
void listener_close(struct listener *);

/* Ends the address for every process that has the socket: from now on connections are refused, also while a busy worker
 * still holds its descriptor. Removes the file of a unix socket if it is still its own, and closes. For the master,
 * once the workers have been told to drain. */
void listener_end(struct listener *);

/* The longest queue of connections that the kernel grants (net.core.somaxconn), or INT_MAX when it does not say. */
int listener_longest_backlog(void);

#endif
