/* SPDX-License-Identifier: MIT
 * The pieces of a response on their way: to the socket, to the queue of what the client has not taken yet
 * (h1_output.h), or, when that is full, waiting for the client. For the app thread of the request, without the GIL. */
#ifndef CLUTCH_H1_SEND_H
#define CLUTCH_H1_SEND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "h1_exchange.h"

enum {
    H1_SMALL_BODY_BYTES = 16384, /* a larger body is sent from where it lies rather than copied behind the head */
    H1_GATHER_COUNT = 64,
    H1_CHUNK_LINE_BYTES = 16 + 2, /* hexadecimal digits of a uint64_t, CR, LF */
};

/* Sends, queues, or waits, in this order; `iov` is used up. `flags` as for h1_output_send. */
enum exchange_result h1_send_pieces(struct h1_exchange *, struct iovec *iov, int count, int flags);

/* Closing this socket is a reset from now on, also when the kernel does it for a process that has died: what has been
 * sent must not look like a whole response where only the end of the connection ends one. Or it is no more. Does
 * nothing to unix sockets. */
void h1_send_end_by_reset(int socket_fd, bool is_reset);

/* What follows is queued: whoever drives is to send it as the client takes it. Said before the first is queued. */
void h1_send_begin_queueing(struct h1_exchange *);

/* A list of pieces to send that is sent whenever it is full. */
struct h1_gather {
    struct h1_exchange *x;
    struct iovec iov[H1_GATHER_COUNT];
    int count;
    enum exchange_result result;
};

void h1_gather_begin(struct h1_gather *, struct h1_exchange *);
void h1_gather_add(struct h1_gather *, const void *ptr, size_t len);
/* The line that precedes a chunk (RFC 9112 7.1), written into `line`. */
void h1_gather_chunk_line(struct h1_gather *, char line[static H1_CHUNK_LINE_BYTES], uint64_t size);
void h1_gather_send(struct h1_gather *);

#endif
