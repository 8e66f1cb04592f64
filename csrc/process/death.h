/* SPDX-License-Identifier: MIT
 * Words for the end of a process. Used by the master. */
#ifndef CLUTCH_DEATH_H
#define CLUTCH_DEATH_H

#include <stddef.h>
#include <stdint.h>

struct scoreboard_row;
struct slot;

enum { DEATH_TEXT_BYTES = 1024 };

/* "SIGKILL"; "an unknown signal" for a number without a name. Static storage. */
const char *death_signal_name(int signal_number);

/* Writes to `text` (DEATH_TEXT_BYTES) what became of the process in the slot, from its wait status and its row of the
 * scoreboard (NULL for the zygote):
 *
 *   worker 3 (pid: 8) was killed by signal 9 (SIGKILL), age 12.3 s, while running "GET /x" of 127.0.0.1:40112 for 2.1 s
 *   worker 3 (pid: 8) exited with status 1, age 0.2 s
 *
 * Returns `text`. */
const char *death_describe(char *text, const struct slot *, int wait_status, const struct scoreboard_row *,
                           int64_t now_us);

/* Writes `while running "GET /x" of 127.0.0.1:40112 for 2.1 s` or `idle`; returns `text` (size bytes). */
const char *death_describe_request(char *text, size_t size, const struct scoreboard_row *, int64_t now_us);

#endif
