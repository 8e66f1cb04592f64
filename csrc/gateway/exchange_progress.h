/* SPDX-License-Identifier: MIT
 * What an app thread is doing: for others to see at any time, also after it was killed. The thread writes it with plain
 * stores. */
#ifndef CLUTCH_EXCHANGE_PROGRESS_H
#define CLUTCH_EXCHANGE_PROGRESS_H

#include <stdatomic.h>
#include <stdint.h>

enum exchange_phase {
    EXCHANGE_IDLE,
    EXCHANGE_TAKEN, /* has a request */
    EXCHANGE_GIL,   /* waits for the GIL */
    EXCHANGE_APP,   /* runs the application */
    EXCHANGE_WRITE, /* sends the response, without the GIL */
};

struct exchange_progress {
    _Atomic(uint32_t) phase; /* enum exchange_phase; set by exchange_enter alone */
    /* Set by exchange_note_sent alone, of a response that is sent piece by piece. */
    _Atomic(int64_t) sent_of_us; /* times.taken_us of its request: a later one has not sent that */
    _Atomic(uint64_t) sent_bytes;
};

#endif
