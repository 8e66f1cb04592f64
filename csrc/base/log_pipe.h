/* SPDX-License-Identifier: MIT
 * Writing lines to a pipe whose reader may be slow, stand still or be gone. Many processes write to it: lines of
 * several never mix (the kernel may split a write that does not fit at once), for which there is a lock that all
 * share. A reader that stands still with the pipe full costs the server one wait of a second. What finds no room then
 * is dropped and counted, and for a while nobody waits for such a reader again. */
#ifndef CLUTCH_LOG_PIPE_H
#define CLUTCH_LOG_PIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

/* Call once, before the first fork: makes what the processes share. Until then every write waits for its reader. */
void log_pipe_init(void);

/* Whether `fd` is a pipe at all. */
bool log_pipe_is_one(int fd);

/* Writes whole lines. Returns whether all of them found room, or nobody is there any more to read them. */
bool log_pipe_write(int fd, struct slice lines);

/* How many lines have been lost since the last call, which the caller then tells of. */
uint32_t log_pipe_take_lost(int fd);
/* They could not be told of. */
void log_pipe_give_back_lost(int fd, uint32_t count);

#endif
