/* SPDX-License-Identifier: MIT
 * What the application has answered on one connection, and whether the bytes that the client got are exactly that. */
#ifndef CLUTCH_FUZZ_ANSWERS_H
#define CLUTCH_FUZZ_ANSWERS_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

/* The answer to one request. */
struct answer {
    int status;
    bool is_head_request;
    bool is_version_1_0;
    bool is_whole;   /* the application brought it to its end */
    bool has_length; /* and declared this many bytes */
    uint64_t declared_bytes;
    struct buf body; /* owned; all that the application handed over */
};

enum answers_extent {
    ANSWERS_WHOLE,  /* nothing is cut off or missing */
    ANSWERS_CUT,    /* the last one may be cut off or missing */
    ANSWERS_UNREAD, /* the client has not received all that there was */
};

/* Aborts, saying why, when `received` is not: the answers in order, between them 100 (Continue), behind them perhaps
 * one refusal and nothing more. */
void answers_check(const struct answer *, size_t count, struct slice received, enum answers_extent);

#endif
