/* SPDX-License-Identifier: MIT
 * start_response() and the write() it returns (PEP 3333, "The start_response() Callable"): checks and serialises the
 * head in one pass from the application's own strings; no header list is kept. */
#ifndef CLUTCH_WSGI_START_RESPONSE_H
#define CLUTCH_WSGI_START_RESPONSE_H

#include "python_api.h"

/* start_response(status, headers, exc_info=None) -> write. Vectorcall of struct wsgi_callable; requires the GIL, does
 * not give it up, sends nothing. TypeError and ValueError name the field that is wrong; a second call without exc_info
 * and a call after the request's end raise RuntimeError; with exc_info after the head was sent, that exception is
 * raised again. */
PyObject *wsgi_start_response_call(PyObject *self, PyObject *const *arguments, size_t count, PyObject *keywords);

/* write(data): sends the head if need be, then the bytes, before it returns. Vectorcall of struct wsgi_callable;
 * requires the GIL, gives it up while sending. More than the declared Content-Length is a ValueError and sends nothing;
 * for a client that has gone the data is dropped. */
PyObject *wsgi_write_call(PyObject *self, PyObject *const *arguments, size_t count, PyObject *keywords);

#endif
