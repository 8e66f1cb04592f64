/* SPDX-License-Identifier: MIT
 * An application that does what the path of the request says, letter by letter, and keeps a record of it.
 *
 *   2 3 4 5   the status will be 200, 304, 204, 205       s  a small body, the whole response
 *   d         declares a length of 100 bytes              c  a block of 40 bytes      C  of 3000     l  of 40000
 *   x         adds a field                                e  ends the response        F  a file as the rest of it
 *   p         the script goes on meanwhile                f  fails
 *   w         likewise, for a whole turn of the sentry's  g  asks whether the client has gone
 * All others do nothing. */
#ifndef CLUTCH_FUZZ_APP_H
#define CLUTCH_FUZZ_APP_H

#include "answers.h"
#include "exchange.h"

/* Once, before the first request. */
void fuzz_app_prepare(void);

/* What can happen while the application runs. */
struct fuzz_app_breaks {
    void (*play)(void);  /* a step of the script */
    void (*watch)(void); /* a turn of the sentry's */
};

/* Serves the request. Its record comes back when all is done; the body is the caller's. */
struct answer fuzz_app_serve(struct exchange *, const struct fuzz_app_breaks *);

#endif
