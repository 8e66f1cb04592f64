/* SPDX-License-Identifier: MIT
 * Who may touch the socket of a request that has a time limit: the app thread that runs it, or whoever drives and finds
 * that its time is over. One word decides, which both change by compare-and-swap only:
 *
 *   NONE -> OPEN      app thread: the request begins
 *   OPEN -> SENDING   app thread: before the first byte of the response (and back, after 103 Early Hints)
 *   OPEN, SENDING -> ENDED    app thread: before its last byte
 *   OPEN, SENDING, ENDED -> JUDGED   the driver; for as long, the app thread waits before it sends or ends the request
 *   JUDGED -> ANSWERED | CUT | LATE  the driver is through: the client has a 504, or half a response, or all of it,
 *                             and may have sent its next request already: then the driver leaves the socket alone
 *   OPEN, SENDING, ENDED, ANSWERED, CUT, LATE -> NONE   app thread: the request ends
 *
 * In JUDGED the descriptor is open and the request's, because only its app thread gives the connection back, and only
 * whoever drives closes it. What else the driver reads then has been written before OPEN (the request, the client) or
 * is atomic. Without --request-timeout the word stays NONE and costs nothing. */
#ifndef CLUTCH_H1_FATE_H
#define CLUTCH_H1_FATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "attrs.h"

enum h1_fate {
    H1_FATE_NONE,
    H1_FATE_OPEN,
    H1_FATE_SENDING,
    H1_FATE_ENDED,
    H1_FATE_JUDGED,
    H1_FATE_ANSWERED,
    H1_FATE_CUT,
    H1_FATE_LATE,
};

struct h1_fate_word {
    _Atomic(uint32_t) fate;          /* enum h1_fate */
    _Atomic(int64_t) due_us;         /* when the time of the request is over; set before OPEN */
    _Atomic(bool) is_ended_by_close; /* the response: nothing else tells its end */
};

/* --- The app thread --- */

/* In one order with what other threads do: see h1_timeout.c. */
void h1_fate_open(struct h1_fate_word *, int64_t due_us);

/* Before a byte is sent. False: nothing may be sent any more. May wait for a driver that judges, for a few system
 * calls. */
bool h1_fate_send_slowly(struct h1_fate_word *);
static inline bool h1_fate_send(struct h1_fate_word *word)
{
    uint32_t fate = atomic_load_explicit(&word->fate, memory_order_relaxed);

    return LIKELY(fate == H1_FATE_NONE) || h1_fate_send_slowly(word);
}

/* Before the bytes that end the response; false as above. What is told of the response does not change any more. */
bool h1_fate_end_slowly(struct h1_fate_word *);
static inline bool h1_fate_end(struct h1_fate_word *word)
{
    uint32_t fate = atomic_load_explicit(&word->fate, memory_order_relaxed);

    return LIKELY(fate == H1_FATE_NONE) || h1_fate_end_slowly(word);
}

/* The head of the response is settled. */
static inline void h1_fate_note_end(struct h1_fate_word *word, bool is_by_close)
{
    atomic_store_explicit(&word->is_ended_by_close, is_by_close, memory_order_relaxed);
}

/* What was sent was not the response yet. */
void h1_fate_unsend(struct h1_fate_word *);

/* The request ends. Returns ANSWERED, CUT, LATE, or NONE when its time was not over. May wait, as above. */
enum h1_fate h1_fate_close_slowly(struct h1_fate_word *);
static inline enum h1_fate h1_fate_close(struct h1_fate_word *word)
{
    uint32_t fate = atomic_load_explicit(&word->fate, memory_order_relaxed);

    return LIKELY(fate == H1_FATE_NONE) ? H1_FATE_NONE : h1_fate_close_slowly(word);
}

/* --- Whoever drives --- */

/* When the running request is due; INT64_MAX: none runs that has not been judged. */
int64_t h1_fate_due_us(const struct h1_fate_word *);

/* Returns OPEN, SENDING or ENDED, as it was, when the request is due, and JUDGED from now on; NONE otherwise. */
enum h1_fate h1_fate_judge(struct h1_fate_word *, int64_t now_us);
void h1_fate_decide(struct h1_fate_word *, enum h1_fate);

#endif
