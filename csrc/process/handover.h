/* SPDX-License-Identifier: MIT
 * A master that follows another (SIGUSR2 there): takes over what was passed, and begins to serve when all of its
 * workers are ready and the old one has let go. Until then any failure ends this master, and the old one serves on. */
#ifndef CLUTCH_HANDOVER_H
#define CLUTCH_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attrs.h"
#include "passing.h"

struct handover;
struct listener;
struct listening;
struct master;
struct pollfd;

/* First in the set-up: master->handover is set when there is an old master. Returns 0, or -1 after writing to `error`
 * (size bytes) what is wrong. */
int handover_begin(struct master *, char *error, size_t size) MUST_CHECK;

/* All of these: `handover` may be NULL, then there is no old master. */

/* How many listeners of this kind were passed. */
size_t handover_count(const struct handover *, enum passed_kind);
/* Whether they are a service manager's, and no option names them. */
bool handover_is_activated(const struct handover *, enum passed_kind);
/* Appends those of them that the options still name. 0, or -1 after writing what is wrong to `error`. */
int handover_open(struct master *, const struct listening *, struct listener *listeners, size_t *count, char *error,
                  size_t size) MUST_CHECK;
/* The same for the one that an option names alone. Returns 1: it was passed; 0: it was not, and is to be opened; or -1.
 */
int handover_open_one(struct master *, enum passed_kind, const char *address, struct listener *, char *error,
                      size_t size) MUST_CHECK;
/* Whether the listener with this address was passed and is this server's now. */
bool handover_has_taken(const struct handover *, enum passed_kind, const char *address);
/* When all are open: closes the others, and settles what the queue of the old workers becomes. */
void handover_settle(struct master *);

/* The queue of all workers: that of the old ones, if they can share it, so that they can leave their clients to the new
 * ones; else a new one. 0 or -errno. */
int handover_open_queue(struct master *, size_t row_count) MUST_CHECK;

/* Whether the old master still serves. */
bool handover_is_pending(const struct master *);
/* Before a signal ends this master. True: the old one has let go by now, has promised to, or has gone: the workers are
 * to be let go. False: nothing has changed, and an old one that serves cannot let go any more. */
bool handover_stop(struct master *);
/* After every batch of events. Returns whether the workers have to be held back. */
bool handover_step(struct master *);

/* The descriptor to be watched, -1: none; and when to look again, SLOT_NEVER. */
int handover_watched_fd(const struct master *);
int64_t handover_next_us(const struct master *);
/* The pipe to process 1, -1: none. */
int handover_keeper_fd(const struct master *);

/* In a process just forked. */
void handover_close_in_child(struct master *);
void handover_free(struct master *);

#endif
