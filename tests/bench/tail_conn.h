/* SPDX-License-Identifier: MIT */
/*
 * A connection of the tail client: sends one request at a time and finds the end of the answer.
 */
#ifndef BENCH_TAIL_CONN_H
#define BENCH_TAIL_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEAD_MAX_BYTES = 8192, ERROR_MAX_BYTES = 160 };

enum conn_progress {
    CONN_WAITS,    /* nothing to do until the socket has news */
    CONN_ANSWERED, /* the answer is complete; the connection is open or has been closed, as both sides wanted it */
    CONN_LOST,     /* closed by the server, before the first byte of an answer, after it had served others */
    CONN_FAILED,   /* anything else; conn_error() tells */
};

struct conn {
    int fd; /* -1: closed */
    int epoll_fd;
    int port;
    const char *request; /* borrowed */
    size_t request_len;
    bool wants_close; /* the request says so: the connection ends after the answer, whatever the server does */
    bool unsent;      /* the request waits for the connection to be made */
    bool is_used;     /* an answer has been read from this connection */
    bool is_slow;     /* for the schedule */
    bool is_waiting;  /* a request is under way */
    uint64_t next;    /* number of the next request of this connection's schedule */
    int64_t due_us;   /* when the request under way was due */
    uint64_t to_skip; /* bytes of the body that have not been read */
    bool until_close; /* the body ends where the connection does */
    bool closes;      /* the connection ends after this answer */
    size_t head_len;  /* bytes in head */
    bool head_is_done;
    char head[HEAD_MAX_BYTES];
};

/* Sends the request, on a new connection if there is none. Returns CONN_WAITS or CONN_FAILED. */
enum conn_progress conn_send(struct conn *conn);

/* Acts on news of the socket. After CONN_LOST and CONN_FAILED the connection is closed. */
enum conn_progress conn_receive(struct conn *conn);

/* What the last CONN_FAILED was, of any connection. */
const char *conn_error(void);

#endif
