/* SPDX-License-Identifier: MIT
 * Requests that the server answers by itself, before any queue and without the application: health checks, say. By
 * whoever drives, so also while all app threads are busy. */
#ifndef CLUTCH_H1_ANSWER_H
#define CLUTCH_H1_ANSWER_H

#include <stdbool.h>

struct h1_conn;
struct h1_parse;
struct request;

/* A whole response but for its head. */
struct h1_own_answer {
    int status;
    const char *text; /* plain text of a line or so; static */
};

/* Who knows such answers (h1_settings.answerer). */
struct h1_answerer {
    void *context;
    /* Whether the request is one of those; fills the answer then. On any thread of the server, one at a time; must not
     * wait. */
    bool (*find)(void *context, const struct request *, struct h1_own_answer *);
};

/* Answers a whole request if the answerer, which there is, knows what, and parts with the connection. These requests
 * are neither counted nor logged. False: it is the application's. */
bool h1_answer_own(struct h1_conn *, const struct h1_parse *);

#endif
