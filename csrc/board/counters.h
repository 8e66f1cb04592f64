/* SPDX-License-Identifier: MIT
 * What an app thread counts of the requests that it has finished. Never set back, also when another process takes over
 * the row: the sum over all rows is that of the server's life. One writer, plain stores. */
#ifndef CLUTCH_COUNTERS_H
#define CLUTCH_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "histogram.h"

struct scoreboard;

/* Classes of statuses, and one status of its own: the client was gone. */
enum counters_class {
    COUNTERS_1XX,
    COUNTERS_2XX,
    COUNTERS_3XX,
    COUNTERS_4XX,
    COUNTERS_5XX,
    COUNTERS_499,
    COUNTERS_CLASSES
};

enum counters_time {
    COUNTERS_QUEUE, /* from its arrival until an app thread took it */
    COUNTERS_GIL,   /* waiting for the GIL */
    COUNTERS_APP,   /* in the application */
    COUNTERS_WRITE, /* in system calls that write */
    COUNTERS_WHOLE, /* from its arrival until the response was with the kernel */
    COUNTERS_TIMES
};

struct counters {
    _Alignas(64) _Atomic(uint64_t) responses[COUNTERS_CLASSES];
    _Atomic(uint64_t) body_bytes; /* of responses */
    _Atomic(uint64_t) busy_us;    /* from taking requests to being free again */
    struct histogram times[COUNTERS_TIMES];
};

struct counters_sum {
    uint64_t responses[COUNTERS_CLASSES];
    uint64_t body_bytes;
    uint64_t busy_us;
    struct histogram_sum times[COUNTERS_TIMES];
};

/* A finished request: its status, the bytes of its response's body, how long the app thread had it, and its times. By
 * the owner alone; never fails, never blocks. */
void counters_add(struct counters *, int status, uint64_t body_bytes, int64_t busy_us,
                  const int64_t times_us[COUNTERS_TIMES]);

/* The app thread is free again; for a request that was counted before, with a busy_us of 0. */
void counters_add_busy(struct counters *, int64_t busy_us);

/* Adds what an app thread has counted so far. From any process. */
void counters_add_to_sum(const struct counters *, struct counters_sum *);

/* "2xx", "499"; "queue", "gil_wait". Static. */
const char *counters_class_label(enum counters_class);
const char *counters_time_label(enum counters_time);

/* Microseconds that an app thread has been busy for so far, the request that it is running included, up to `now_us`
 * (clock_now_us() from before the call). From any process. May be behind by one request in the moment that it ends. */
uint64_t counters_busy_us(const struct scoreboard *, int row, int thread, int64_t now_us);

/* The process of this row has died: the time that its running requests have taken stays counted. Before
 * scoreboard_clear_row(); by the master alone. */
void counters_bury(const struct scoreboard *, int row, int64_t now_us);

#endif
