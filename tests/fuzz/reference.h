/* SPDX-License-Identifier: MIT
 * A second opinion on where a request ends: a small reader of whole requests that shares nothing with the parser of the
 * server, and has no state. It knows one rule for everything and no limits. Where it is stricter than RFC 9112, the
 * server is to be as strict. */
#ifndef CLUTCH_FUZZ_REFERENCE_H
#define CLUTCH_FUZZ_REFERENCE_H

#include <stdbool.h>

#include "buf.h"
#include "slice.h"

enum { REFERENCE_MOST_FIELDS = 128 };

enum reference_result {
    REFERENCE_WHOLE,
    REFERENCE_INCOMPLETE,
    REFERENCE_BAD, /* whatever may follow */
};

struct reference_field {
    struct slice name, value;
};

/* Slices point into the bytes that were read. */
struct reference {
    struct slice method, target;
    int version_minor;
    struct reference_field fields[REFERENCE_MOST_FIELDS];
    size_t field_count;
    struct buf body; /* owned; decoded */
    size_t used;     /* bytes from the first to the last of the request */
};

/* Reads one request from the start of `bytes`. reference_fini frees what it holds. */
enum reference_result reference_read(struct reference *, struct slice bytes);
void reference_fini(struct reference *);

/* Reads a chunked body, with its trailers, from the start of `bytes` (RFC 9112 7.1): appends what it decodes to `body`,
 * sets *used, and *extra_bytes to how much of it were extensions and trailers. */
enum reference_result reference_read_chunked(struct slice bytes, struct buf *body, size_t *used, size_t *extra_bytes);

/* How many bytes of the start are a PROXY header, by its frame alone: a line, or what its length says. */
enum reference_result reference_skip_proxy(struct slice bytes, size_t *used);

#endif
