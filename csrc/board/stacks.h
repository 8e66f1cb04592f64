/* SPDX-License-Identifier: MIT
 * The Python stacks of each worker's threads, as they were last dumped: text in shared memory, which stays readable
 * when the worker has died. Who wants a dump asks for it here and then sends the worker STACKS_SIGNAL; the worker
 * writes the text, even while its Python is stuck. One that was not asked through the board writes it to the log. */
#ifndef CLUTCH_STACKS_H
#define CLUTCH_STACKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attrs.h"
#include "slice.h"
#include "stacks_signal.h"

struct scoreboard;

enum { STACKS_BYTES = 65536 }; /* what is longer is cut */

/* What belongs to the text of one row; zeroed: there is none. */
struct stacks_note {
    _Atomic(uint32_t) asked;    /* tickets given out */
    _Atomic(uint32_t) answered; /* the last ticket that the text answers */
    _Atomic(uint32_t) sequence; /* odd while the worker writes */
    _Atomic(uint32_t) len;      /* of the text; 0: none */
    _Atomic(int64_t) taken_us;  /* clock_now_us() */
};

/* From any process, before the signal: returns the ticket to be waited for. */
uint32_t stacks_ask(const struct scoreboard *, int row);
/* Whether the text is at least as new as that ticket. A worker that dies never answers. */
bool stacks_is_answered(const struct scoreboard *, int row, uint32_t ticket);
/* For the worker: the last ticket that was given out, and whether it is still to be answered. */
bool stacks_is_asked(const struct scoreboard *, int row, uint32_t *ticket);

/* The worker in this row, by one thread at a time: replaces the text and answers the ticket. */
void stacks_write(const struct scoreboard *, int row, struct slice text, uint32_t ticket, int64_t taken_us);

/* From any process: copies the text into `out` (STACKS_BYTES), returns its length and when it was taken; 0 when there
 * is none, or the worker does not stop writing. The bytes are whatever the worker has written: escape them. */
size_t stacks_read(const struct scoreboard *, int row, char *out, int64_t *taken_us) MUST_CHECK;

/* When the text was taken, as far as the worker says; 0 or something old when there is no newer one. */
int64_t stacks_taken_us(const struct scoreboard *, int row);

/* A new worker begins in this row. */
void stacks_forget(const struct scoreboard *, int row);

#endif
