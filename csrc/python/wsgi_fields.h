/* SPDX-License-Identifier: MIT
 * Request fields as environ variables (PEP 3333; RFC 3875 4.1.18). */
#ifndef CLUTCH_WSGI_FIELDS_H
#define CLUTCH_WSGI_FIELDS_H

#include "python_api.h"

#include "attrs.h"
#include "slice.h"

struct exchange;
struct wsgi_environ;

/* Bytes as a str of the same code points (Latin-1). New reference, or NULL with an exception. */
PyObject *wsgi_text_new(struct slice bytes) MUST_CHECK;

/* Whether a str made by wsgi_text_new() holds these bytes. */
bool wsgi_text_equals(PyObject *text, struct slice bytes);

/* Brings the known fields of the template in line with the request: sets what is new or different, deletes what is
 * gone. A field sent several times is joined with ',' (Cookie: "; "). *unknown_count is how many fields are left for
 * wsgi_fields_add_unknown(). Requires the GIL. Returns 0, or -1 with an exception. */
int wsgi_fields_update(struct wsgi_environ *, const struct exchange *, size_t *unknown_count) MUST_CHECK;

/* Adds the other fields to a copy of the template, as HTTP_<NAME>. Requires the GIL. Returns 0, or -1 with an
 * exception. */
int wsgi_fields_add_unknown(const struct exchange *, PyObject *variables) MUST_CHECK;

#endif
