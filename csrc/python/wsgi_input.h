/* SPDX-License-Identifier: MIT
 * wsgi.input (PEP 3333, "Input and Error Streams"): read, readline, readlines, iteration over a request body that is
 * complete before the application is called. A body in memory is not copied until it is read; one in a file is read
 * with the GIL given up. The end of the body is the end of the stream, for ever; after the request every use raises
 * ValueError. */
#ifndef CLUTCH_WSGI_INPUT_H
#define CLUTCH_WSGI_INPUT_H

#include "python_api.h"

#include "attrs.h"

struct request_body;

struct wsgi_inputs {
    PyTypeObject *type; /* owned */
    PyObject *empty;    /* owned: for every request without a body; it has no position to keep */
    PyObject *current;  /* owned: kept for the next request with a body unless the application kept it; may be NULL */
};

/* The streams of one app thread. Require the GIL. init returns 0, or -1 with an exception; fini ends it either way. */
int wsgi_inputs_init(struct wsgi_inputs *) MUST_CHECK;
void wsgi_inputs_fini(struct wsgi_inputs *);

/* A stream over a body, which must stay valid until wsgi_inputs_end(). Borrowed from the thread; NULL with an
 * exception. Requires the GIL. */
PyObject *wsgi_inputs_get(struct wsgi_inputs *, const struct request_body *body) MUST_CHECK;

/* The request has ended: cuts the stream off from its body. Requires the GIL. */
void wsgi_inputs_end(struct wsgi_inputs *);

#endif
