/* SPDX-License-Identifier: MIT
 * The queue of requests that wait for a free app thread of any worker: one SOCK_SEQPACKET socket pair whose two ends
 * every process has. A message is a header, bytes, and descriptors (SCM_RIGHTS). What a dead worker had not taken stays
 * for the others; the order is that of arrival. Beside it, in shared memory, hints of what is going on. Knows nothing
 * of HTTP. */
#ifndef CLUTCH_HANDOFF_H
#define CLUTCH_HANDOFF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "attrs.h"

enum {
    HANDOFF_IOV = 4,
    HANDOFF_MESSAGE_BYTES = 61440, /* most bytes of one message behind its header */
    HANDOFF_MOST_FDS = 2,          /* of one message: the connection, the file with its body */
};

enum handoff_kind {
    HANDOFF_NUDGE,   /* nothing: somebody should look at the queue again */
    HANDOFF_REQUEST, /* a connection with a whole request */
    HANDOFF_IDLE,    /* a connection that waits for a request */
};

struct handoff_header {
    uint32_t kind;           /* enum handoff_kind */
    uint32_t listener;       /* index of the listener that accepted the connection */
    uint32_t head_bytes;     /* of the bytes: the request's head as received */
    uint32_t body_bytes;     /* behind it: its body, decoded; unless has_body_file */
    uint32_t rest_bytes;     /* behind that: what has come of the next request */
    uint8_t has_body_file;   /* the second descriptor holds the body */
    uint8_t is_all_in_file;  /* and behind it head and rest, which are too long for a message */
    uint8_t was_half_closed; /* the client had ended its side before the request began to wait */
    uint8_t has_hung_up;     /* EPOLLRDHUP has been seen */
    uint8_t is_trusted;      /* whoever sends is believed what it says of its client */
    uint8_t awaits_proxy_header;
    uint64_t body_file_bytes;
    uint64_t number;    /* from board->given: no two messages with a connection have the same */
    int64_t arrived_us; /* clock_now_us(), which all processes share */
    int64_t enqueued_us;
    char client_address[46]; /* the peer's, or whom a PROXY header named; INET6_ADDRSTRLEN */
    char client_port[6];
    socklen_t peer_len;
    struct sockaddr_storage peer;
};

/* One cache line for each worker; written by it alone. */
struct handoff_row {
    _Alignas(64) _Atomic(uint32_t) is_waiting; /* an app thread of it waits for events: it could take a request now */
    _Atomic(uint32_t) is_serving;              /* it takes connections and requests: neither held back nor leaving */
    _Atomic(uint32_t) load;                    /* 0 (idle) .. HANDOFF_FULL_LOAD (never waits): share of the last time */
    _Atomic(uint32_t) rate;                    /* requests that it began in a stretch of time of fixed length, lately */
};

enum { HANDOFF_FULL_LOAD = 65536 };

struct handoff_board {
    _Alignas(64) _Atomic(int64_t) waiting; /* messages of kind REQUEST in the queue; a hint: kills can leave it wrong */
    _Alignas(64) _Atomic(uint32_t) is_nudged; /* a nudge is in the queue */
    _Atomic(uint64_t) given;                  /* messages with a connection so far */
    _Atomic(uint32_t) unaccepted;             /* +1 when a worker was woken for a connection that it cannot accept */
    _Atomic(uint32_t) is_stopping;            /* the whole server stops: siblings will not go on either */
    _Alignas(64) _Atomic(uint32_t) row_end;   /* highest row in use, plus 1: no look goes further; the master's */
    struct handoff_row rows[];
};

struct handoff {
    int take_fd;                 /* readable while messages wait */
    int give_fd;                 /* writable while there is room */
    struct handoff_board *board; /* shared: nothing in it is an address or a length */
    size_t row_count;            /* of the board */
};

/* Once, before the first fork; the memory and the sockets are shared by all processes forked afterwards. Close-on-exec
 * and non-blocking. All rows are in use until handoff_set_row_end says otherwise. 0 or -errno. */
int handoff_open(struct handoff *, size_t row_count) MUST_CHECK;
void handoff_close(struct handoff *);

/* The form of the messages. Servers that are to share a queue have the same. */
uint64_t handoff_format(void);
/* The same as handoff_open with the sockets of another server's queue, which are this one's copies from now on: what
 * either puts into it either may take. The board is its own. On failure they are closed. 0 or -errno. */
int handoff_join(struct handoff *, size_t row_count, int take_fd, int give_fd) MUST_CHECK;

/* Puts a message into the queue: the header, `count` (<= HANDOFF_IOV) pieces of together at most HANDOFF_MESSAGE_BYTES,
 * the connection (-1: none) and a file with the body (-1: none). The descriptors stay the caller's: it closes its
 * copies when this has returned 0. A connection must have left every epoll set before. Counts board->waiting for
 * requests. Returns 0, or -EAGAIN when the queue is full (also too many descriptors in flight, or no memory),
 * -EMSGSIZE, or another -errno. Never waits. */
int handoff_give(const struct handoff *, const struct handoff_header *, const struct iovec *, int count, int conn_fd,
                 int file_fd) MUST_CHECK;

/* A message as received; the descriptors are the caller's now. -1: none. */
struct handoff_message {
    struct handoff_header header;
    char *bytes; /* in the caller's buffer */
    size_t len;
    int conn_fd;
    int file_fd;
};

/* Takes the oldest message into `buffer` (at least HANDOFF_MESSAGE_BYTES). Messages of a wrong form are dropped, with a
 * line in the log. Nudges are counted off and skipped. Returns 1 with a message, 0 when the queue is empty, -EMFILE
 * when its descriptors find no room (it stays in the queue then), -errno. Never waits. */
int handoff_take(const struct handoff *, char *buffer, struct handoff_message *) MUST_CHECK;

/* The header of the oldest message without taking it or its descriptors. Returns 1, 0 when the queue is empty, -errno.
 * It may be a nudge (kind says so; its times are that of its sending): between peek and take the queue is anybody's, so
 * taking the nudge off here could take the request behind it. */
int handoff_peek(const struct handoff *, struct handoff_header *) MUST_CHECK;

/* Has one more worker that waits look at the queue. At most one nudge is in the queue at a time. */
void handoff_nudge(const struct handoff *);
/* The same by a worker that was woken for what is in the queue and cannot take it: the nudge that is there may be what
 * it was woken for, and nobody else would be woken for that one again. Nothing when the queue is empty. */
void handoff_pass_on(const struct handoff *);

/* Worth a call of handoff_take. One load; costs nothing while nobody waits. */
static inline bool handoff_may_have_messages(const struct handoff *handoff)
{
    return atomic_load_explicit(&handoff->board->waiting, memory_order_relaxed) > 0;
}

/* The kernel has woken a worker for a connection that it will not accept: another that waits is to look. Returns the
 * new board->unaccepted. */
uint32_t handoff_tell_unaccepted(const struct handoff *);

/* Rows from this one on are not in use. For the master alone. */
void handoff_set_row_end(const struct handoff *, size_t row_end);
/* The rows worth a look: those below, never more than there are. From any process. */
size_t handoff_row_end(const struct handoff *);

/* The worker of this row has gone, or is yet to come: it neither waits nor is it busy. */
void handoff_clear_row(const struct handoff *, size_t row);

/* Whether another worker than `row` waits for events now. */
bool handoff_has_idle_sibling(const struct handoff *, size_t row);

#endif
