/* SPDX-License-Identifier: MIT
 * environ (PEP 3333, "environ Variables"; the table of keys is in python_gateway.h). Each app thread has a template
 * dict that still holds what the last request had: a field that has not changed costs one comparison. The request gets
 * a copy, never the template and never a dict that another request had. */
#ifndef CLUTCH_WSGI_ENVIRON_H
#define CLUTCH_WSGI_ENVIRON_H

#include "python_api.h"

#include <stdint.h>

#include "attrs.h"
#include "buf.h"
#include "known_headers.h"
#include "message.h"

struct exchange;
struct gateway_place;
struct names;

/* What changes from request to request beside the fields. */
enum environ_variable {
    ENVIRON_METHOD,
    ENVIRON_PATH,
    ENVIRON_QUERY,
    ENVIRON_TARGET,
    ENVIRON_REMOTE_ADDR,
    ENVIRON_REMOTE_PORT,
    ENVIRON_PEER_ADDR,
    ENVIRON_SERVER_NAME,
    ENVIRON_SERVER_PORT,
    ENVIRON_SCHEME,
    ENVIRON_VARIABLE_COUNT
};

struct wsgi_environ {
    const struct names *names;                   /* borrowed */
    PyObject *template;                          /* owned dict */
    PyObject *fields[KNOWN_HEADER_COUNT];        /* owned str in the template; NULL: not there */
    uint64_t present;                            /* set of ids whose field is in the template */
    PyObject *variables[ENVIRON_VARIABLE_COUNT]; /* owned str in the template; NULL: not there yet */
    const char *server_name;       /* struct endpoints of the last request, known to be in the template; or NULL */
    const char *server_port;       /* likewise */
    const char *scheme;            /* likewise */
    PyObject *client_disconnected; /* borrowed from the template */
    int version_minor;             /* of SERVER_PROTOCOL in the template; -1: none yet */
    int64_t gil_wait_us, queue_us; /* in the template; -1: none yet */
    const _Atomic(int32_t) *worker_count; /* borrowed */
    bool is_multiprocess;                 /* wsgi.multiprocess in the template */
    struct buf scratch;                   /* decoded paths, joined and renamed fields */
};

/* The objects that are the same in every request of this thread; borrowed. */
struct wsgi_environ_constants {
    PyObject *errors;                /* wsgi.errors */
    PyObject *file_wrapper;          /* wsgi.file_wrapper */
    PyObject *early_hints;           /* wsgi.early_hints */
    PyObject *input;                 /* wsgi.input of a request without a body */
    const struct config_list *pairs; /* NAME=VALUE of --environ (PEP 3333, "Application Configuration") */
};

/* Makes the template. Requires the GIL. Returns 0, or -1 with an exception; wsgi_environ_fini() ends it either way. */
int wsgi_environ_init(struct wsgi_environ *, const struct names *, const struct gateway_place *,
                      const struct wsgi_environ_constants *) MUST_CHECK;
void wsgi_environ_fini(struct wsgi_environ *);

/* environ of a request; `input` and `client_disconnected` are borrowed. New reference to an exact dict, or NULL with an
 * exception (then the template may be half way between two requests; the next call mends it). Requires the GIL. */
PyObject *wsgi_environ_new(struct wsgi_environ *, const struct exchange *, PyObject *input,
                           PyObject *client_disconnected) MUST_CHECK;

#endif
