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

enum {
    H1_REQUEST_ID_BYTES = 36,
    H1_REQUEST_ID_MOST = 128,
    H1_REQUEST_ID_NAME_MOST = 64, /* of the field's name: see --request-id-header */
    H1_REQUEST_ID_FIELD_BYTES = H1_REQUEST_ID_NAME_MOST + 2 + H1_REQUEST_ID_MOST + 2 + 1,
    H1_REQUEST_ID_SHOWN_BYTES = 10 + H1_REQUEST_ID_MOST * 4 + 2,
};

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

/* The id of a request that is refused, whose settings ask for one: that of a trusted peer when the field has come
 * whole, and once so far. `parse` may be NULL, or stand wherever the refusal came, and is left as it is. Valid as long
 * as the request, and until the next id is made. */
struct slice h1_request_id_of_refused(struct h1_request_ids *, const struct h1_parse *);

/* For an answer that is put together in C: writes "Name: id" with its CRLF; "" when the id is empty. */
void h1_request_id_format_field(char out[static H1_REQUEST_ID_FIELD_BYTES], struct slice name, struct slice id);
/* For a line of the log, behind other words: writes " (request id)", escaped; "" when the id is empty. */
void h1_request_id_show(char out[static H1_REQUEST_ID_SHOWN_BYTES], struct slice id);

#endif
