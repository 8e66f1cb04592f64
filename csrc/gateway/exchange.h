/* SPDX-License-Identifier: MIT
 * One request and its response: all that a gateway knows of the protocol. The protocol implements the table of
 * operations, so a gateway links nothing of http/ and sees no socket. An exchange belongs to one app thread from
 * gateway serve() until serve() returns; it must not be used afterwards.
 *
 * No function here touches Python. Those marked "may wait" must be called without the GIL; the others never block. */
#ifndef CLUTCH_EXCHANGE_H
#define CLUTCH_EXCHANGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attrs.h"
#include "exchange_progress.h"
#include "message.h"
#include "slice.h"

struct exchange;

enum exchange_result {
    EXCHANGE_OK,   /* taken; go on */
    EXCHANGE_FULL, /* taken as far as the declared Content-Length (or the method, or the status) allows: send no more */
    EXCHANGE_GONE, /* the client has gone or the response was aborted: send no more */
};

/* Why a status line or a response field was refused (RFC 9110 5.5, 5.6.2, 7.6.1; PEP 3333). */
enum head_error {
    HEAD_OK,
    HEAD_BAD_STATUS, /* not 200..599 */
    HEAD_BAD_REASON, /* control characters in the reason phrase */
    HEAD_BAD_NAME,   /* not a token */
    HEAD_BAD_VALUE,  /* control characters (CR, LF, NUL above all) */
    HEAD_HOP_BY_HOP, /* a field that only the server may set */
    HEAD_BAD_LENGTH, /* Content-Length is not a number, or given twice with different values */
    HEAD_NO_MEMORY,
};

/* Fields of an informational response. */
struct early_hints {
    const struct slice *names, *values; /* borrowed */
    size_t count;
    size_t bad_at; /* set with an error: which of them is wrong */
    bool is_sent;  /* set: false when there is nobody to send them to */
};

struct exchange_ops {
    enum head_error (*begin_head)(struct exchange *, int status, struct slice reason);
    enum head_error (*add_header)(struct exchange *, struct slice name, struct slice value);
    bool (*buffer_body)(struct exchange *, const struct slice *blocks, size_t count);
    enum exchange_result (*write)(struct exchange *, const struct slice *blocks, size_t count, bool is_last);
    enum exchange_result (*write_file)(struct exchange *, int fd, off_t offset, uint64_t length);
    enum head_error (*early_hints)(struct exchange *, struct early_hints *);
    void (*fail)(struct exchange *);
    bool (*is_client_gone)(struct exchange *);
};

/* Moments of the request on clock_now_us(), and durations; all microseconds. */
struct exchange_times {
    int64_t arrived_us;  /* last byte of the request reached this machine's socket (or was read) */
    int64_t taken_us;    /* an app thread took it: queue = taken - arrived */
    int64_t gil_wait_us; /* waiting for the GIL: set by the gateway */
    int64_t app_us;      /* in the application: set by the gateway */
    int64_t write_us;    /* in system calls that write */
};

struct exchange {
    const struct exchange_ops *ops;
    const struct request *request;
    const struct endpoints *endpoints;
    struct request_body body;
    struct exchange_times times;
    struct slice request_id;            /* empty: requests have none here; valid as long as the request */
    uint64_t number;                    /* of this request in its worker, from 1 */
    struct exchange_progress *progress; /* of the app thread; borrowed */

    /* Set by the protocol as the response goes on. */
    int status;              /* 0 until begin_head */
    bool is_head_sent;       /* the head is on its way: it can no longer be replaced */
    bool has_length;         /* the app declared Content-Length */
    uint64_t declared_bytes; /* its value */
    uint64_t body_bytes;     /* bytes of body the app has handed over so far (counted for HEAD too) */

    /* Set by the gateway for the access log. */
    unsigned block_count; /* blocks the app yielded */
    bool has_app_failed;  /* an exception reached the gateway */
    bool is_given_up;     /* the client was gone, and the gateway left the response as it was */
};

/* The app thread does something else from now on. One plain store. */
static inline void exchange_enter(const struct exchange *exchange, enum exchange_phase phase)
{
    atomic_store_explicit(&exchange->progress->phase, phase, memory_order_relaxed);
}

/* So much of the body has been handed to the kernel, or queued. */
static inline void exchange_note_sent(const struct exchange *exchange, uint64_t bytes)
{
    atomic_store_explicit(&exchange->progress->sent_bytes, bytes, memory_order_relaxed);
    atomic_store_explicit(&exchange->progress->sent_of_us, exchange->times.taken_us, memory_order_relaxed);
}

/* Starts the response head, or starts it anew while is_head_sent is false: what was added before is forgotten.
 * `reason` may be empty. Borrows, copies. On failure the head is as it was before the first begin_head. */
static inline enum head_error exchange_begin_head(struct exchange *exchange, int status,
                                                  struct slice reason) MUST_CHECK;
static inline enum head_error exchange_begin_head(struct exchange *exchange, int status, struct slice reason)
{
    return exchange->ops->begin_head(exchange, status, reason);
}

/* Checks and adds one response field. Borrows, copies. Order and duplicates are kept. Date, Server, Content-Length,
 * Transfer-Encoding and Connection are added by the protocol where they are missing. */
static inline enum head_error exchange_add_header(struct exchange *exchange, struct slice name,
                                                  struct slice value) MUST_CHECK;
static inline enum head_error exchange_add_header(struct exchange *exchange, struct slice name, struct slice value)
{
    return exchange->ops->add_header(exchange, name, value);
}

/* Takes a whole, small body (all of it, nothing before, nothing after) by copying it behind the head; it is sent after
 * serve() has returned, in one call. Sets Content-Length when the app did not. Returns false, having done nothing, when
 * it is too large to be worth copying or the head is sent already: then use exchange_write. Never blocks: call it with
 * the GIL. */
static inline bool exchange_buffer_body(struct exchange *exchange, const struct slice *blocks, size_t count)
{
    return exchange->ops->buffer_body(exchange, blocks, count);
}

/* Sends the head if it is not sent yet, then the blocks. May wait: call it without the GIL; the blocks are borrowed
 * until it returns. Framing when the app declared no length: Content-Length if this is the first and last call, else
 * chunked (HTTP/1.0: until close). An empty list with is_last ends the response. After is_last nothing may follow. */
static inline enum exchange_result exchange_write(struct exchange *exchange, const struct slice *blocks, size_t count,
                                                  bool is_last)
{
    return exchange->ops->write(exchange, blocks, count, is_last);
}

/* Sends `length` bytes of a regular file from `offset`, as the whole rest of the body (sendfile where it can). May
 * wait: call it without the GIL. Borrows fd: the caller may close it as soon as this returns. */
static inline enum exchange_result exchange_write_file(struct exchange *exchange, int fd, off_t offset, uint64_t length)
{
    return exchange->ops->write_file(exchange, fd, offset, length);
}

/* Sends 103 Early Hints (RFC 8297) ahead of the response; not to a client of HTTP/1.0, not once the head is sent, and
 * not without fields. Checks the fields as those of a response are checked, and there must be no Content-Length; on an
 * error nothing is sent. May wait: call it without the GIL. */
static inline enum head_error exchange_early_hints(struct exchange *exchange, struct early_hints *hints) MUST_CHECK;
static inline enum head_error exchange_early_hints(struct exchange *exchange, struct early_hints *hints)
{
    return exchange->ops->early_hints(exchange, hints);
}

/* The application failed. While nothing is sent, the head is replaced by a plain 500 and the connection goes on;
 * afterwards the response is cut off visibly: no last chunk, the connection closes. Never blocks. */
static inline void exchange_fail(struct exchange *exchange)
{
    exchange->ops->fail(exchange);
}

/* Whether the client has hung up. One system call; never blocks. */
static inline bool exchange_is_client_gone(struct exchange *exchange)
{
    return exchange->ops->is_client_gone(exchange);
}

#endif
