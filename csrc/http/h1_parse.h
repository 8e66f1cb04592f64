/* SPDX-License-Identifier: MIT
 * The request parser: llhttp in its strict mode, and on top of it what RFC 9112 asks of a server and llhttp leaves open
 * (h1_rules.h). The only place that knows llhttp. No socket, no memory of its own: it can be fed from anywhere, in
 * pieces of any size, and gives the same result. */
#ifndef CLUTCH_H1_PARSE_H
#define CLUTCH_H1_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attrs.h"
#include "h1_forwarded.h"
#include "h1_limits.h"
#include "h1_reason.h"
#include "message.h"
#include "slice.h"

enum h1_parse_result {
    H1_NEED_MORE,    /* all bytes taken; the message is not complete */
    H1_MESSAGE_DONE, /* one whole request; bytes behind it are untouched */
    H1_REFUSED,      /* the request breaks a rule: see refusal */
};

enum { H1_PARSER_BYTES = 112, H1_MOST_FIELDS = 1000 };

/* Takes decoded body bytes. Returns 0, or the status to refuse the request with (413, 503). */
typedef int (*h1_body_fn)(void *context, struct slice bytes);

struct h1_parse {
    _Alignas(8) unsigned char llhttp[H1_PARSER_BYTES];
    const struct h1_settings *settings;
    h1_body_fn on_body;
    void *body_context;
    struct h1_refusal refusal;

    const char *start;      /* first byte of the message in the caller's memory */
    const char *fed_from;   /* first byte of the current feed */
    size_t fed_bytes;       /* of the head so far */
    size_t head_bytes;      /* of the whole head; 0 until is_head_done */
    uint32_t skipped_bytes; /* empty lines before the request line */
    int64_t fed_before;     /* bytes of all feeds before the current one */
    int64_t extra_bytes;    /* around the data of the chunks so far, beyond what their sizes need */
    int64_t chunk_line_at;  /* where the line with the size of a chunk begins, in bytes of all feeds */
    int64_t body_end_at;    /* the end of the body's data so far, likewise */
    uint64_t body_bytes;    /* decoded, so far */
    bool is_in_chunk_line;  /* the data of that chunk has not begun; behind the last chunk: until the end */
    bool is_peer_trusted;   /* set by the caller behind h1_parse_init: the forwarded fields count */
    bool is_in_value;
    bool is_line_done; /* the request line is complete */
    bool is_head_done;
    bool is_done;

    /* Valid once is_head_done. */
    bool is_keep_alive;
    bool is_chunked;
    bool has_length;
    bool expects_continue;
    uint64_t content_length;
    struct h1_forwarded forwarded; /* its host is request.authority */
    struct request request;
    size_t field_count;     /* as received; the rules may drop some from request */
    struct header fields[]; /* settings->field_limit of them, and one that the server may add */
};

/* Bytes of a struct h1_parse for these settings. */
size_t h1_parse_size(const struct h1_settings *);

/* Starts a message. The settings are borrowed. */
void h1_parse_init(struct h1_parse *, const struct h1_settings *, h1_body_fn on_body, void *body_context);

/* Takes bytes. Until is_head_done all bytes of the message must stay where they are, one behind the other, or be moved
 * with h1_parse_rebase; the slices of `request` point into them. *used is how many of `bytes` belong to this message.
 */
enum h1_parse_result h1_parse_feed(struct h1_parse *, struct slice bytes, size_t *used) MUST_CHECK;

/* The head has been copied: its first byte is at `start` now. */
void h1_parse_rebase(struct h1_parse *, const char *start);

/* Copies an unfinished parse to other memory of the same size; `on_body` gets the new context from then on. */
void h1_parse_copy(struct h1_parse *to, const struct h1_parse *from, void *body_context);

/* "9.2.1"; static storage. */
const char *h1_parse_version(void);

#endif
