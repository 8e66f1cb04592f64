/* SPDX-License-Identifier: MIT
 * What a trusted proxy says of the client in the fields of a request: X-Forwarded-For, -Proto, -Host, and Forwarded
 * (RFC 7239). Only for requests of a trusted peer; for all others these fields mean nothing.
 *
 * Whatever a proxy cannot have meant is refused: a guess would be a client's way to choose its own address. */
#ifndef CLUTCH_H1_FORWARDED_H
#define CLUTCH_H1_FORWARDED_H

#include <stdbool.h>

#include "cidr.h"
#include "h1_limits.h"
#include "h1_reason.h"
#include "message.h"
#include "slice.h"

enum h1_scheme { H1_SCHEME_UNTOLD, H1_SCHEME_HTTP, H1_SCHEME_HTTPS };

/* What was told. */
struct h1_forwarded {
    bool has_client;          /* the client was named, or was said to be unknown: then its address has no bytes */
    uint16_t port;            /* of the client; 0: not told */
    struct ip_address client; /* the last address of the list that is no trusted proxy's */
    enum h1_scheme scheme;
    struct slice host; /* a valid authority, of the request's bytes; empty: not told */
};

/* Reads the fields that the settings name. Returns H1_REASON_NONE, or why the request is to be refused, with the field
 * that gave offence; what was told is left as it was then. */
enum h1_reason h1_forwarded_read(const struct h1_settings *, const struct request *, struct h1_forwarded *,
                                 const struct header **culprit) MUST_CHECK;

#endif
