/* SPDX-License-Identifier: MIT
 * What the application returned, on its way to the client. */
#ifndef CLUTCH_WSGI_BODY_H
#define CLUTCH_WSGI_BODY_H

#include "python_api.h"

#include "attrs.h"

struct gateway_thread;

/* Sends the whole body. A list or tuple of bytes goes out at once, without an iterator; so does a first block that is
 * as long as the declared Content-Length. Otherwise each block is written before the next is asked for. Stops when the
 * exchange takes no more. Requires the GIL, gives it up around every write. Returns 0 (also when the client has gone),
 * or -1 with an exception: the application's, TypeError for what is not bytes, ValueError for a body shorter than its
 * Content-Length. */
int wsgi_body_send(struct gateway_thread *, PyObject *result) MUST_CHECK;

/* Calls close() of what the application returned, if it has one; an exception is logged. To be called exactly once,
 * with no exception set. Requires the GIL. */
void wsgi_body_close(struct gateway_thread *, PyObject *result);

#endif
