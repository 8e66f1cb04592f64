/* SPDX-License-Identifier: MIT
 * The response side of the request that an app thread is running: what start_response, write() and the body have in
 * common, and the places where the GIL is given up for the socket's sake. One for each app thread, used again for every
 * request. */
#ifndef CLUTCH_WSGI_RESPONSE_H
#define CLUTCH_WSGI_RESPONSE_H

#include "python_api.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "exchange.h"

struct gateway;

struct wsgi_response {
    struct gateway *gateway;   /* borrowed */
    struct exchange *exchange; /* NULL between requests */
    bool is_started;           /* start_response() was called, with or without success */
    bool has_head;             /* its last call succeeded */
    bool is_over;              /* the exchange takes no more of the body */
    bool is_gone;              /* because the client has gone */
    bool is_wanted;            /* the app thread waits for such a call to end: no new one may begin */
    bool has_surplus;          /* the body was longer than the declared Content-Length */
    int64_t away_us;           /* time of this request spent without the GIL */
    int64_t looked_us;         /* when the client was last looked for; 0: there was no need to */
    _Atomic(uint32_t) is_busy; /* somebody is in an exchange call without the GIL: set with it, waited on without it */
    _Atomic(int) *gil_waiters; /* borrowed: +1 while this app thread waits for the GIL; NULL: nobody asks */
};

void wsgi_response_init(struct wsgi_response *, struct gateway *, _Atomic(int) *gil_waiters);

/* A request begins. Requires the GIL. */
void wsgi_response_begin(struct wsgi_response *, struct exchange *);

/* Whether a thread of the application has to keep its hands off for now. Requires the GIL. */
bool wsgi_response_is_taken(const struct wsgi_response *);

/* Waits until no other thread of the application is in a call of this response. Everything that is sent passes here
 * first: a child that the application forked ends here, where it would wait for a thread that it does not have, and
 * send what is its parent's to send. Requires the GIL, gives it up while waiting. */
void wsgi_response_settle(struct wsgi_response *);

/* exchange_write() and exchange_write_file() with the GIL given up around them. Require the GIL. Update is_over and the
 * times. */
enum exchange_result wsgi_response_write(struct wsgi_response *, const struct slice *blocks, size_t count,
                                         bool is_last);
enum exchange_result wsgi_response_write_file(struct wsgi_response *, int fd, off_t offset, uint64_t length);

/* exchange_early_hints(), likewise. */
enum head_error wsgi_response_early_hints(struct wsgi_response *, struct early_hints *) MUST_CHECK;

/* An application that gives nothing but empty blocks does not learn from a write that its client has gone: to be called
 * for each of them, and looks for the client once a second. Requires the GIL. Updates is_over. */
void wsgi_response_look_for_client(struct wsgi_response *);

/* Bytes that the declared Content-Length still allows; UINT64_MAX when none was declared. */
uint64_t wsgi_response_room(const struct wsgi_response *);

/* Whether the body has to be as long as the declared Content-Length: not for HEAD, 204, 205 and 304 (RFC
 * 9110 6.4.1, 15.3.6). */
bool wsgi_response_needs_body(const struct wsgi_response *);

/* Whether the body is complete once `more` bytes follow what was handed over. Requires the GIL. Returns 0, or -1 with a
 * ValueError when it falls short of the declared Content-Length. */
int wsgi_response_check_length(const struct wsgi_response *, uint64_t more) MUST_CHECK;

/* Whether there is a head to send. Requires the GIL. Returns 0, or -1 with a RuntimeError that says what is missing. */
int wsgi_response_check_head(const struct wsgi_response *) MUST_CHECK;

#endif
