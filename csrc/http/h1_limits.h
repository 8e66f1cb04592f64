/* SPDX-License-Identifier: MIT
 * What a server on HTTP/1 is told from outside: limits, times, switches. Filled by the worker from the configuration.
 */
#ifndef CLUTCH_H1_LIMITS_H
#define CLUTCH_H1_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slice.h"

/* Mechanisms that can be switched off, to see what they are for. Bits of h1_settings.without, in the order of the words
 * of --debug-without. */
enum h1_without {
    H1_WITHOUT_SENTRY = 1,     /* nobody drives the loop while all app threads run requests */
    H1_WITHOUT_HANDOFF = 2,    /* requests wait for an app thread of the worker that read them */
    H1_WITHOUT_BALANCE = 4,    /* connections stay with the worker that accepted them */
    H1_WITHOUT_GIL_COUNT = 8,  /* an app thread counts as free although it would wait for the GIL */
    H1_WITHOUT_LOG_LIMIT = 16, /* every refusal is a line in the log */
};

/* What is taken from a trusted peer. Bits of h1_settings.forwarded_fields, in the order of the words of
 * --forwarded-headers. */
enum h1_forwarded_field {
    H1_X_FORWARDED_FOR = 1,
    H1_X_FORWARDED_PROTO = 2,
    H1_X_FORWARDED_HOST = 4,
    H1_FORWARDED = 8, /* RFC 7239 */
};

struct cidr_list;
struct h1_answerer;

/* For sizes and times 0 means: no limit (keep_alive_us: close after every response). */
struct h1_settings {
    size_t line_limit_bytes; /* request line without its CRLF */
    size_t head_limit_bytes; /* request line and fields with their CRLFs */
    size_t field_limit;      /* number of fields */
    uint64_t body_limit_bytes;
    size_t body_memory_bytes;   /* a larger body goes to a temporary file */
    const char *body_temp_path; /* its directory; NULL: $TMPDIR or /tmp; borrowed */
    int64_t head_timeout_us;
    int64_t body_timeout_us;
    int64_t send_timeout_us;
    uint64_t body_rate_bytes;     /* a second, at least, of a request body; see h1_is_below_rate */
    uint64_t send_rate_bytes;     /* a second, at least, of a response */
    size_t response_memory_bytes; /* of a response that the client is slow to take, for one connection; 0: none */
    uint64_t response_file_bytes; /* behind them, in a temporary file in body_temp_path; 0: none; then the app waits */
    int64_t keep_alive_us;
    int64_t queue_limit;             /* most requests that wait for an app thread, in all workers; 0: no limit */
    int64_t queue_timeout_us;        /* longest wait for one */
    int64_t request_timeout_us;      /* longest run of a request; then 504 */
    int thread_count;                /* app threads of this worker, from 1 */
    unsigned without;                /* bits of enum h1_without */
    const struct cidr_list *trusted; /* peers that are believed what they say of their client; NULL: nobody; borrowed */
    const struct h1_answerer *answerer; /* of requests that are not the application's; NULL: all are; borrowed */
    struct slice request_id_header;     /* field with the id of a request; empty: requests have none; borrowed */
    unsigned forwarded_fields;          /* bits of enum h1_forwarded_field */
    bool wants_proxy_header;            /* a connection begins with a PROXY header, of a trusted peer */
    bool refuses_underscores;           /* field names with '_' are refused instead of dropped */
    bool has_server_timing;             /* add Server-Timing to every response */
    bool wants_arrival_times;           /* ask the kernel when a request's bytes arrived (costs a little per packet) */
    bool strips_hop_by_hop;             /* drop hop-by-hop fields of the application instead of refusing them */
};

enum { H1_RATE_GRACE_US = 10000000 };

/* Whether `bytes` in `elapsed_us` are fewer than `rate_bytes` a second (0: never). Within `grace_us` (0, which is no
 * limit elsewhere: H1_RATE_GRACE_US) nobody is judged. */
static inline bool h1_is_below_rate(uint64_t bytes, int64_t elapsed_us, uint64_t rate_bytes, int64_t grace_us)
{
    if (elapsed_us <= (grace_us > 0 ? grace_us : H1_RATE_GRACE_US))
        return false;
    return (double)bytes * 1000000 < (double)rate_bytes * (double)elapsed_us;
}

#endif
