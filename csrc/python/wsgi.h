/* SPDX-License-Identifier: MIT
 * One WSGI call: environ, application, body, close(), and everybody cut off at the end. */
#ifndef CLUTCH_WSGI_H
#define CLUTCH_WSGI_H

#include "attrs.h"

struct exchange;
struct gateway_thread;

/* What an app thread keeps between requests. Requires the GIL. wsgi_init returns 0, or -1 with an exception; wsgi_fini
 * is needed either way. */
int wsgi_init(struct gateway_thread *) MUST_CHECK;
void wsgi_fini(struct gateway_thread *);

/* Runs one request (gateway_ops.serve): takes the GIL, gives it up. Never fails towards the caller. */
void wsgi_serve(struct gateway_thread *, struct exchange *);

#endif
