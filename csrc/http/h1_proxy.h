/* SPDX-License-Identifier: MIT
 * The PROXY header (version 1, a line of text, and version 2, binary) with which a proxy that passes bytes on says
 * whose connection it is. Pure: bytes in, in pieces of any size. */
#ifndef CLUTCH_H1_PROXY_H
#define CLUTCH_H1_PROXY_H

#include <stddef.h>
#include <stdint.h>

#include "attrs.h"
#include "cidr.h"
#include "h1_reason.h"
#include "slice.h"

enum {
    H1_PROXY_LINE_BYTES = 107,   /* of version 1 at most, with its CRLF */
    H1_PROXY_MOST_BYTES = 16384, /* of version 2 behind its first 16 bytes: addresses and what is told beside them */
};

enum h1_proxy_result {
    H1_PROXY_NEED_MORE, /* all bytes taken; the header is not complete */
    H1_PROXY_DONE,      /* a whole header; bytes behind it are untouched */
    H1_PROXY_REFUSED,   /* it is none: see reason */
};

enum h1_proxy_origin {
    H1_PROXY_LOCAL,   /* the proxy's own connection, such as a health check (version 2) */
    H1_PROXY_UNTOLD,  /* a client's, but not an IP address and port */
    H1_PROXY_ADDRESS, /* a client's: see client and port */
};

/* Zeroed: nothing has come. */
struct h1_proxy {
    uint32_t taken_bytes;                     /* of the header so far */
    uint32_t whole_bytes;                     /* of version 2, once its length is known; else 0 */
    unsigned char bytes[H1_PROXY_LINE_BYTES]; /* the first of them */
    enum h1_reason reason;                    /* why it was refused */
    enum h1_proxy_origin origin;              /* this and the next: once it is done */
    struct ip_address client;
    uint16_t port;
};

/* Takes bytes until the header is complete; *used is how many of them are its. Not to be called again after DONE or
 * REFUSED. */
enum h1_proxy_result h1_proxy_feed(struct h1_proxy *, struct slice bytes, size_t *used) MUST_CHECK;

/* What is kept of the bytes taken so far, for the log. */
struct slice h1_proxy_shown(const struct h1_proxy *);

#endif
