/* SPDX-License-Identifier: MIT
 * The head of a response, checked and serialised in one pass into one buffer:
 *
 *   HTTP/1.1 200 OK\r\n | fields of the application | Date, Server, framing, Connection | \r\n | a small body */
#ifndef CLUTCH_H1_HEAD_H
#define CLUTCH_H1_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "exchange.h"
#include "slice.h"

enum h1_framing {
    H1_FRAMING_NONE,    /* no body: the status or the method forbids one */
    H1_FRAMING_LENGTH,  /* Content-Length */
    H1_FRAMING_CHUNKED, /* Transfer-Encoding: chunked */
    H1_FRAMING_CLOSE,   /* until the connection closes (HTTP/1.0) */
};

struct h1_head {
    struct buf bytes;
    int status; /* 0: not begun */
    bool has_date, has_server, has_length;
    uint64_t length;  /* of Content-Length, when has_length */
    size_t length_at; /* where its line stands */
    size_t length_line_bytes;
    unsigned field_count; /* of the application */
    size_t app_bytes;     /* status line and the application's fields, with the blank line; set by finish */
    bool strips_hop_by_hop;
};

void h1_head_init(struct h1_head *, bool strips_hop_by_hop);
void h1_head_fini(struct h1_head *);

/* Forgets everything but the memory. */
void h1_head_reset(struct h1_head *);

enum head_error h1_head_begin(struct h1_head *, int status, struct slice reason);
enum head_error h1_head_add(struct h1_head *, struct slice name, struct slice value);

struct h1_head_end {
    enum h1_framing framing;
    uint64_t length; /* with H1_FRAMING_LENGTH, when the application gave none */
    bool is_keep_alive;
    uint8_t version_minor;      /* of the request: HTTP/1.0 wants to be told of keep-alive */
    struct slice server_timing; /* value of that field, or empty */
    const struct header *extra; /* a field that the server adds unless the application has set it, or NULL */
};

/* Adds what the application left out and the blank line. 0 or -ENOMEM. */
int h1_head_finish(struct h1_head *, const struct h1_head_end *) MUST_CHECK;

/* The standard reason phrase of a status, "" when it has none. */
const char *h1_head_reason(int status);

#endif
