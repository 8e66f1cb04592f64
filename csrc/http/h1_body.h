/* SPDX-License-Identifier: MIT
 * Where a request body is kept until it is complete: nowhere (it lies whole in the bytes that were read), in memory, or
 * beyond a size in an unlinked temporary file. */
#ifndef CLUTCH_H1_BODY_H
#define CLUTCH_H1_BODY_H

#include <stdint.h>

#include "buf.h"
#include "h1_limits.h"
#include "message.h"

struct h1_body {
    const struct h1_settings *settings;
    uint64_t length;      /* bytes so far */
    const char *in_place; /* all of it, borrowed from the read buffer; else NULL */
    struct buf memory;    /* owned */
    int file_fd;          /* owned; -1 while there is none */
    int64_t started_us;   /* clock_now_us() when its first bytes were stored or expected; 0: not yet */
};

void h1_body_init(struct h1_body *, const struct h1_settings *);
void h1_body_fini(struct h1_body *);

/* The whole body is these bytes, which stay where they are. */
void h1_body_set_in_place(struct h1_body *, struct slice bytes);

/* Makes room for a body of this length. 0, or the status of the refusal. */
int h1_body_expect(struct h1_body *, uint64_t length);

/* Appends a piece. 0, or the status of the refusal: 413 past the limit, 503 when it cannot be stored (logged):
 * a disk that is full, or no memory, is no fault of the request's and may be over soon. */
int h1_body_append(struct h1_body *, struct slice bytes);

/* Whether less of it has come than settings->body_rate_bytes a second, after settings->body_timeout_us. */
bool h1_body_is_too_slow(const struct h1_body *, int64_t now_us);

/* What a gateway sees of it; borrows. */
void h1_body_describe(const struct h1_body *, struct request_body *out);

#endif
