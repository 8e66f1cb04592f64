/* SPDX-License-Identifier: MIT
 * Python callables that act on the current response: start_response, write, clutch.client_disconnected. An app thread
 * keeps one of each and lends it out again as long as the application kept no reference; one that was kept is cut off
 * from the response when the request ends, so that a late call raises RuntimeError. All of it requires the GIL. */
#ifndef CLUTCH_WSGI_CALLABLE_H
#define CLUTCH_WSGI_CALLABLE_H

#include "python_api.h"

#include "attrs.h"

struct names;
struct wsgi_response;

enum wsgi_callable_kind { WSGI_START_RESPONSE, WSGI_WRITE, WSGI_CLIENT_DISCONNECTED, WSGI_CALLABLE_COUNT };

struct wsgi_callables;

struct wsgi_callable {
    PyObject ob_base; /* PyObject_HEAD, as a declaration */
    vectorcallfunc vectorcall;
    struct wsgi_response *response;   /* borrowed; NULL once the request has ended */
    struct wsgi_callables *callables; /* borrowed; NULL likewise */
};

/* The three of one app thread. */
struct wsgi_callables {
    struct wsgi_response *response;           /* borrowed */
    const struct names *names;                /* borrowed */
    PyTypeObject *types[WSGI_CALLABLE_COUNT]; /* owned */
    PyObject *objects[WSGI_CALLABLE_COUNT];   /* owned; NULL until first used, or after one was kept */
};

/* Returns 0, or -1 with an exception; end it with wsgi_callables_fini() either way. */
int wsgi_callables_init(struct wsgi_callables *, struct wsgi_response *, const struct names *) MUST_CHECK;
void wsgi_callables_fini(struct wsgi_callables *);

/* The callable of a kind, made when there is none. Borrowed from the thread until the request ends; NULL with an
 * exception. */
PyObject *wsgi_callables_get(struct wsgi_callables *, enum wsgi_callable_kind) MUST_CHECK;

/* The request has ended. `own_references` are those that the server itself holds on the callable of that kind; when
 * there are more, the application kept it: it is cut off and forgotten, and true is returned. */
bool wsgi_callables_end(struct wsgi_callables *, enum wsgi_callable_kind, Py_ssize_t own_references);

#endif
