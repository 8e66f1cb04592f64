/* SPDX-License-Identifier: MIT
 * The exchange of gateway/exchange.h on HTTP/1: frames the response and sends it on the connection's socket, by the app
 * thread itself. What the client does not take at once is queued in the connection (h1_output.h) up to limits; beyond
 * them the app thread waits, without the GIL. */
#ifndef CLUTCH_H1_EXCHANGE_H
#define CLUTCH_H1_EXCHANGE_H

#include <stdatomic.h>

#include "exchange.h"
#include "h1_body.h"
#include "h1_fate.h"
#include "h1_head.h"
#include "h1_limits.h"
#include "h1_output.h"
#include "h1_parse.h"

struct h1_exchange {
    struct exchange base; /* first member: what the gateway sees */
    const struct h1_settings *settings;
    const _Atomic(bool) *is_draining; /* borrowed: connections are to end with the response */
    int socket_fd;                    /* borrowed from the connection */
    struct h1_output *output;         /* the connection's queue */
    struct h1_head head;              /* its memory is reused from request to request */
    enum h1_framing framing;
    uint8_t version_minor;
    bool is_head_request;
    bool is_keep_alive;                /* the connection may go on afterwards */
    bool is_buffered;                  /* whole response in head.bytes, to be sent by finish */
    bool is_ended;                     /* the body is complete */
    bool is_aborted;                   /* cut off: the connection must close without a last chunk */
    bool is_gone;                      /* the client has gone, or its time is over */
    enum h1_fate outcome;              /* after finish: ANSWERED, CUT or LATE when the time of the request was over */
    struct h1_fate_word fate;          /* of the running request */
    bool has_queued;                   /* output has been used: it may be drained by another thread at any moment */
    _Atomic(uint64_t) sent_body_bytes; /* without framing; written by the app thread alone */
    int64_t finished_us;               /* when the last of it was sent, if that is just over; 0: not known */
};

/* What there is to tell of a finished response. */
struct h1_summary {
    int status;            /* 499: the client was gone before the response was complete; 504: its time was over */
    uint64_t body_bytes;   /* of the response, handed to the kernel or queued */
    struct slice head;     /* the response head as sent; empty when nothing was sent */
    unsigned field_count;  /* fields of the application */
    size_t app_head_bytes; /* status line and those fields */
    int64_t duration_us;   /* from taken_us to now */
    bool is_told;          /* on_timeout has told of it */
};

/* Once per driver. *is_draining may be set by any thread: a response whose head is finished afterwards says that the
 * connection closes. */
void h1_exchange_init(struct h1_exchange *, const struct h1_settings *, const _Atomic(bool) *is_draining);
void h1_exchange_fini(struct h1_exchange *);

/* Readies it for the next request; everything is borrowed until h1_exchange_finish. `number` is that
 * of the request in its worker. */
void h1_exchange_start(struct h1_exchange *, const struct h1_parse *, const struct h1_body *, const struct endpoints *,
                       int socket_fd, struct h1_output *, uint64_t number);

/* After the gateway: sends what is buffered, ends what was not ended. Afterwards is_keep_alive says whether the
 * connection goes on, and `output` holds what is still to be sent. */
void h1_exchange_finish(struct h1_exchange *);

void h1_exchange_summarize(const struct h1_exchange *, struct h1_summary *);

/* For whoever judges a request that still runs (h1_fate.h): what there is to tell of it. The exchange gets what may be
 * read meanwhile; its parts are borrowed from the one that runs. */
void h1_exchange_summarize_running(const struct h1_exchange *, enum h1_fate verdict, int64_t now_us, struct exchange *,
                                   struct h1_summary *);

#endif
