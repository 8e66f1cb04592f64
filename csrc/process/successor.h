/* SPDX-License-Identifier: MIT
 * The start of the master that is to follow this one: what it is passed, the fork, the program. */
#ifndef CLUTCH_SUCCESSOR_H
#define CLUTCH_SUCCESSOR_H

#include <stddef.h>
#include <sys/types.h>

#include "attrs.h"
#include "passing.h"

struct listener;
struct master;
struct stay;

/* Forks it. *passing says what it was passed (the caller ends it with passing_fini), *channel_fd is the caller's end of
 * the channel. Returns its pid, or -1 after writing to `error` (size bytes) why it cannot be started; that the program
 * cannot be run comes over the channel, "failed ...". */
pid_t successor_start(struct master *, struct passing *passing, struct stay *, int *channel_fd, char *error,
                      size_t size) MUST_CHECK;

/* The listener number `index` of this kind, in the order of passing; NULL: there is none. */
struct listener *successor_find_listener(struct master *, enum passed_kind, size_t index);

#endif
