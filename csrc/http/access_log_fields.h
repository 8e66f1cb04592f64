/* SPDX-License-Identifier: MIT
 * The fields of an access log format, by gunicorn's names and ours. */
#ifndef CLUTCH_ACCESS_LOG_FIELDS_H
#define CLUTCH_ACCESS_LOG_FIELDS_H

#include "access_line.h"

typedef void (*access_field_fn)(struct access_line *, struct slice argument);

struct access_field {
    const char *name;
    access_field_fn put;
    bool shows_queue;
};

/* Finds "h", "queue", "{x-request-id}i"...; *argument becomes what stands in braces, as a part of `name`. NULL: no such
 * field. */
const struct access_field *access_field_find(struct slice name, struct slice *argument);

/* The user of Basic credentials (RFC 7617), escaped, or '-'. */
void access_field_put_user(struct access_line *, struct slice unused);

/* The request line as it was sent, escaped. */
void access_field_put_request_line(struct access_line *, struct slice unused);

#endif
