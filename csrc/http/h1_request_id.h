/* SPDX-License-Identifier: MIT
 * The id of a request (--request-id-header): the one that a trusted peer gives, else one made here. Ids are made
 * without a system call, to be unique and not to be secret: whoever sees some can guess others. */
#ifndef CLUTCH_H1_REQUEST_ID_H
#define CLUTCH_H1_REQUEST_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "attrs.h"
#include "slice.h"

struct h1_parse;

enum { H1_REQUEST_ID_BYTES = 36, H1_REQUEST_ID_MOST = 128 };

/* What makes ids, one for each app thread. Must not cross a fork. */
struct h1_request_ids {
    uint64_t state[4]; /* all 0: not begun */
    char text[H1_REQUEST_ID_BYTES];
};

/* Whether a value may be an id: 1 to 128 visible ASCII characters. */
bool h1_request_id_is_sane(struct slice value);

/* Makes a UUID of version 4 (RFC 9562 5.4). Valid until the next one is made. */
struct slice h1_request_id_make(struct h1_request_ids *);

/* Settles the id of a request whose settings ask for one: afterwards the request has the field exactly once, with the
 * id that is returned, which is valid as long as the request. */
struct slice h1_request_id_settle(struct h1_request_ids *, struct h1_parse *);

#endif
