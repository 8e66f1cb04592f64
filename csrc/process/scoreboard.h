/* SPDX-License-Identifier: MIT
 * What the processes know of each other: shared memory made before the first fork, a row for each worker. The owner of a row
 * writes it with plain stores; the master reads it at any time, also after the worker was killed. */
#ifndef CLUTCH_SCOREBOARD_H
#define CLUTCH_SCOREBOARD_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "attrs.h"

enum { SCOREBOARD_LINE_BYTES = 160 };

enum worker_state { WORKER_ABSENT, WORKER_STARTING, WORKER_READY, WORKER_DRAINING };

struct scoreboard_row {
    _Alignas(64) _Atomic(pid_t) pid; /* written first of all by the worker itself */
    _Atomic(int) state;              /* enum worker_state */
    _Atomic(int64_t) started_us;     /* clock_now_us() of the fork */
    _Atomic(uint64_t) requests;      /* finished in this slot, kept across respawns */
    _Atomic(int64_t) request_started_us; /* 0 while idle */
    char request_line[SCOREBOARD_LINE_BYTES]; /* "GET /path" of the running request, NUL-terminated, escaped, cut */
    char request_peer[64];
};

struct scoreboard {
    int row_count;
    _Atomic(uint64_t) requests; /* finished by all workers */
    struct scoreboard_row rows[];
};

/* Returns shared memory for `row_count` workers, or NULL with errno set. Owned by the caller; inherited by every fork. */
struct scoreboard *scoreboard_new(int row_count) MUST_CHECK;
void scoreboard_free(struct scoreboard *);

/* A request begins or ends in this row. Never fails, never blocks. */
void scoreboard_begin_request(struct scoreboard_row *, const char *line, const char *peer, int64_t now_us);
void scoreboard_end_request(struct scoreboard *, struct scoreboard_row *);

#endif
