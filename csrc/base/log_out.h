/* SPDX-License-Identifier: MIT
 * Where the lines of the logs go: a file, a pipe, a socket, a terminal. All but a file have a reader, who may be slow,
 * stand still or be gone; nobody may have to wait for that for long (patience.h), and nobody may die of it. Many
 * processes write: lines of several never mix (what has no room at once is written in pieces), for which those who
 * write to the same thing, by whatever descriptor, share a lock. What finds no room is dropped and counted. */
#ifndef CLUTCH_LOG_OUT_H
#define CLUTCH_LOG_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

struct log_out;

/* Makes what the processes share. Call once, before the first fork; further calls do nothing. */
void log_out_init(void);

/* From now on `fd` is a log, called `name` (static lifetime) in messages. Call it again when something else has been
 * put under the number; before threads and forks, and while this process may still open what is behind: a pipe or
 * terminal is opened once more for the server alone, because O_NONBLOCK at `fd` would be there for everybody who has
 * it. That and a copy of a socket stay when the application puts something else under `fd` later. */
void log_out_open(int fd, const char *name);

/* `fd` is a log no more. It stays open. */
void log_out_close(int fd);

/* The log that has what is behind `fd`, or NULL. No system call in the server's own processes for a known descriptor.
 */
struct log_out *log_out_of(int fd);

/* In a child of the application's: closes what is ours alone. From now on the descriptors are looked at each time, for
 * such a child may put files of its own in their place. System calls only. */
void log_out_let_go(void);

/* Writes whole lines. Returns whether all of them found room, or nobody is there any more to read them. Errors of a
 * file are passed over. `fd` is the descriptor that `out` was found by; NULL
 * for one that is no log (before log_init(), or in a child of the application): that is written to as it is. */
bool log_out_write(struct log_out *out, int fd, struct slice lines);

/* How many lines have been lost since they were last taken, which the caller then tells of. 0 within a second of the
 * last time in this process: they are told of later. */
uint32_t log_out_take_lost(struct log_out *);
/* They could not be told of. */
void log_out_give_back_lost(struct log_out *, uint32_t count);

const char *log_out_name(const struct log_out *);

#endif
