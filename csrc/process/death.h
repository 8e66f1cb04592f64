/* SPDX-License-Identifier: MIT
 * Words for the end of a process. Used by the master. */
#ifndef CLUTCH_DEATH_H
#define CLUTCH_DEATH_H

#include <stddef.h>
#include <stdint.h>

#include "log.h"

struct scoreboard;
struct slot;

enum { DEATH_TEXT_BYTES = 1024, DEATH_MOST_REQUESTS = 8 };

/* "SIGKILL"; "an unknown signal" for a number without a name. Static storage. */
const char *death_signal_name(int signal_number);

/* Words for an enum exchange_phase: "in the application". Static storage. */
const char *death_phase_words(uint32_t phase);

/* Writes to `text` (DEATH_TEXT_BYTES) what became of the process in the slot, from its wait status and, for a worker
 * that was ready, the rows of its app threads (the scoreboard may be NULL for the zygote):
 *
 *   worker 3 (pid: 8) was killed by signal 9 (SIGKILL), age 12.3 s, while running "GET /x" of 127.0.0.1:40112 for 2.1
 * s, in the application worker 3 (pid: 8) was killed by signal 9 (SIGKILL), age 12.3 s, while running 4 requests worker
 * 3 (pid: 8) exited with status 1, age 0.2 s
 *
 * Returns `text`. */
const char *death_describe(char *text, const struct slot *, int wait_status, const struct scoreboard *, int64_t now_us);

/* Writes `while running "GET /x" of 127.0.0.1:40112 for 2.1 s, in the application`, `while running 4 requests` or
 * `idle`, for the worker in this row; returns `text` (size bytes). */
const char *death_describe_requests(char *text, size_t size, const struct scoreboard *, int row, int64_t now_us);

/* The same for one that has been told to end and does not: what keeps it also when it runs nothing. */
const char *death_describe_delay(char *text, size_t size, const struct scoreboard *, int row, int64_t now_us);

/* When the worker in the slot runs, or ran, several requests: logs a line for each, DEATH_MOST_REQUESTS at most, and
 * then how many more there are. Nothing when there is one or none: death_describe_requests has said it.
 *
 *   worker 3 (pid: 8) was running "GET /x" of 127.0.0.1:40112 for 2.1 s, in the application */
void death_log_requests(enum log_level, const struct slot *, const struct scoreboard *, int64_t now_us);

/* The last Python stacks of the worker in the slot, when they were taken during a request that it runs or ran: a line
 * that says how old they are, and the text. */
void death_log_stacks(enum log_level, const struct slot *, const struct scoreboard *, int64_t now_us);

#endif
