/* SPDX-License-Identifier: MIT
 * What the processes know of each other: shared memory made before the first fork, a row for each worker and for each
 * of its app threads. The owner of a row writes it with plain stores; the master reads it at any time, also after the
 * worker was killed. */
#ifndef CLUTCH_SCOREBOARD_H
#define CLUTCH_SCOREBOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attrs.h"
#include "board_reload.h"
#include "exchange_progress.h"
#include "h1_counts.h"
#include "h1_reason.h"
#include "restarts.h"
#include "slice.h"
#include "stacks.h"

struct counters;

enum { SCOREBOARD_LINE_BYTES = 160, SCOREBOARD_PEER_BYTES = 64 };

enum worker_state { WORKER_ABSENT, WORKER_STARTING, WORKER_READY, WORKER_DRAINING };

/* Of a worker. Its place, the row, is no longer its number as soon as a worker and its successor live at the same time:
 * both have the same number, in different rows. */
struct scoreboard_row {
    _Alignas(64) _Atomic(pid_t) pid; /* written first of all by the worker itself */
    _Atomic(int) state;              /* enum worker_state; the master makes it WORKER_READY */
    _Atomic(int64_t) started_us;     /* clock_now_us() of the fork */
    _Atomic(int32_t) number;         /* of the worker, from 1, as users see it; 0: nobody has had this row yet */
    _Atomic(int32_t) generation;     /* that the worker belongs to, from 1 */
    struct h1_counts connections; /* the loop's: those that wait are the living worker's, the rest is never set back */
    struct stacks_note stacks;
    _Atomic(uint32_t) beats;       /* words of the master that have been heard, however busy Python is */
    _Atomic(int32_t) has_finished; /* it serves no more, and Python is coming to its end */
};

/* Of an app thread. */
struct scoreboard_thread {
    _Alignas(64) _Atomic(int64_t) request_started_us; /* 0 while idle */
    _Atomic(uint64_t) requests;                       /* finished in this place, kept across respawns */
    struct exchange_progress progress;                /* of the running request */
    _Atomic(uint32_t) line_len;
    char line[SCOREBOARD_LINE_BYTES]; /* "GET /path?query" of the running request: bytes as they came, cut */
    char peer[SCOREBOARD_PEER_BYTES]; /* "192.0.2.7:40112", NUL-terminated */
};

/* Of all workers, also those that are gone. */
struct scoreboard_totals {
    _Alignas(64) _Atomic(uint64_t) requests; /* finished */
    _Alignas(64) _Atomic(int32_t) row_end;   /* highest row that has ever been in use, plus 1 */
    _Alignas(64) _Atomic(uint64_t) refusals[H1_REASON_COUNT];
    _Alignas(64) _Atomic(int64_t) master_beat_us; /* clock_now_us() when the master last went through its loop */
    _Atomic(int64_t) began_us;                    /* when the server was started; the same on the wall clock: */
    _Atomic(int64_t) began_wall_us;
    _Atomic(int32_t) generation;     /* that serves, or is to serve; from 1 */
    _Atomic(int32_t) worker_count;   /* that it is to have */
    _Atomic(int32_t) has_started;    /* all workers have been ready once */
    _Atomic(int32_t) is_stopping;    /* the server was told to stop */
    _Atomic(uint32_t) monitor_beats; /* words of the master that the monitor has heard */
    _Atomic(uint64_t) restarts[RESTART_COUNT];
    struct board_reload reload;
};

/* Where things are: each process has its own copy of this, which no other can write to. What it points to is shared,
 * and whatever a worker that somebody has taken over may write there, the master reads no more than numbers and bounded
 * text. */
struct scoreboard {
    int row_count;
    int thread_count;                 /* of each row */
    struct scoreboard_totals *totals; /* start of the shared memory; at the same address in all processes */
    struct scoreboard_row *rows;
    struct scoreboard_thread *threads;
    struct counters *counters;
    char *stacks; /* STACKS_BYTES for each row: see stacks.h */
};

/* A request as it was found in a row: text fit for a log line. */
struct scoreboard_request {
    int64_t started_us;
    uint32_t phase;                           /* enum exchange_phase, or anything else that was written there */
    uint64_t sent_bytes;                      /* of the body of its response; 0 when it is not sent in pieces */
    char line[SCOREBOARD_LINE_BYTES * 4 + 1]; /* escaped */
    char peer[SCOREBOARD_PEER_BYTES];
};

/* Returns shared memory for so many rows of so many app threads each, or NULL with errno set. Memory is touched, and so
 * taken, only for the rows that are used. Owned by the caller; inherited by every fork. */
struct scoreboard *scoreboard_new(int row_count, int thread_count) MUST_CHECK;
void scoreboard_free(struct scoreboard *);

/* The row at place `row`, from 0, and that of its app thread `thread`, from 0. They live as long as the scoreboard. */
struct scoreboard_row *scoreboard_row(const struct scoreboard *, int row);
struct scoreboard_thread *scoreboard_thread(const struct scoreboard *, int row, int thread);

/* What that app thread, and those in its place before it, have counted (counters.h). */
struct counters *scoreboard_counters(const struct scoreboard *, int row, int thread);

/* How many rows are worth a look: all that have ever been in use are below. From any process. */
int scoreboard_row_end(const struct scoreboard *);

/* Worker `number` of this generation starts in this row: writes down the pid of the caller, first of all, and forgets
 * the requests that its predecessor was running. */
void scoreboard_enter_row(struct scoreboard *, int row, int number, int generation, int64_t now_us);
/* The worker in this row has gone; its number stays readable. For the master, when it has reaped it. */
void scoreboard_clear_row(struct scoreboard *, int row);

/* A request begins or ends on this app thread, which calls. Never fails, never blocks. Borrows and copies; the peer's
 * address is "" for a unix socket. End returns the number of requests finished by all workers so far, this one
 * included. */
void scoreboard_begin_request(struct scoreboard_thread *, struct slice method, struct slice target,
                              const char *peer_address, const char *peer_port, int64_t now_us);
uint64_t scoreboard_end_request(struct scoreboard *, struct scoreboard_thread *);
/* The two halves of that, for a request whose client has its answer before the app thread is free: counts it, and
 * returns the number; then ends it. */
uint64_t scoreboard_count_request(struct scoreboard *, struct scoreboard_thread *);
void scoreboard_leave_request(struct scoreboard_thread *);

/* What this app thread is running, or was when its worker was killed; false when it is idle. From any process: when the
 * worker is alive the text may already be that of its next request, but is never more than its bounds. */
bool scoreboard_read_request(const struct scoreboard_thread *, struct scoreboard_request *);

/* How many requests the worker in this row is running, or was when it was killed. */
int scoreboard_count_running(const struct scoreboard *, int row);

#endif
