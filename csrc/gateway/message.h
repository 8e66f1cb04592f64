/* SPDX-License-Identifier: MIT
 * A request as the protocol hands it to a gateway: slices of the bytes that came in, already checked. */
#ifndef CLUTCH_MESSAGE_H
#define CLUTCH_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "known_headers.h"
#include "slice.h"

struct header {
    struct slice name;  /* as sent */
    struct slice value; /* without surrounding white space */
    enum known_header id;
};

/* Everything here is borrowed: valid until the exchange ends. Field names with '_' and `Proxy` are not among the
 * headers. */
struct request {
    struct slice method;    /* a token, as sent */
    struct slice target;    /* the request target as sent (REQUEST_URI, RAW_URI) */
    struct slice path;      /* not decoded; "*" for `OPTIONS *`; never empty */
    struct slice query;     /* without '?'; empty when there is none */
    struct slice authority; /* the host the client asked for: as a trusted proxy says, of an absolute-form target, else
                             * of Host; may be empty */
    bool has_other_host;    /* the authority is not Host's and wins over it (RFC 9112 3.2.2) */
    uint8_t version_minor;  /* 0 or 1: HTTP/1.0 or HTTP/1.1 */
    const struct header *headers; /* in order of arrival */
    size_t header_count;
};

/* Where the request came from and where it arrived. The peer is whoever is connected; the client is that, or whom a
 * trusted proxy named. What is the listener's (server_name, server_port) and the scheme are static for the life of the
 * process, so the same pointer stands for the same text; the rest until the exchange ends. */
struct endpoints {
    const char *remote_address; /* of the client: "192.0.2.7", "2001:db8::1"; "" for a unix socket, or not known */
    const char *remote_port;    /* decimal; "" for a unix socket, or not known */
    const char *peer_address;   /* of the peer; "" for a unix socket */
    const char *server_name;    /* address of the listener; "localhost" for a unix socket */
    const char *server_port;    /* decimal; "" for a unix socket */
    const char *scheme;         /* "http" or "https" */
};

/* The request body: complete before the gateway sees it (RFC 9112 6). */
struct request_body {
    uint64_t length;    /* bytes after decoding; 0 when there is no body */
    bool is_present;    /* the request had Content-Length or Transfer-Encoding */
    bool was_chunked;   /* no Content-Length was sent */
    const char *memory; /* all of it when it is in memory; NULL when it is in a file */
    int file_fd;        /* an unlinked temporary file, or -1; owned by the exchange; read with pread only, and not
                         * beyond length: what lies behind may be no part of the body */
};

#endif
