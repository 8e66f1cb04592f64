/* SPDX-License-Identifier: MIT
 * The reasons for which a request is refused (h1_reasons.def): a status, a line of text, a label to count by. */
#ifndef CLUTCH_H1_REASON_H
#define CLUTCH_H1_REASON_H

#include "slice.h"

enum h1_reason {
    H1_REASON_NONE,
#define REASON(name, status, label, text) H1_REASON_##name,
#include "h1_reasons.def"
#undef REASON
    H1_REASON_COUNT
};

/* A request was, or is to be, refused. */
struct h1_refusal {
    enum h1_reason reason;
    int retry_after_s;    /* 0: not said */
    struct slice culprit; /* what gave offence, in the memory that the parser was fed from: for the log, at once;
                             empty: the request line says it, or nothing does */
};

/* Of a reason other than H1_REASON_NONE. The status is from 400 to 599; label and text are static. */
int h1_reason_status(enum h1_reason);
const char *h1_reason_label(enum h1_reason);
const char *h1_reason_text(enum h1_reason);

#endif
