/* SPDX-License-Identifier: MIT
 * An unlinked temporary file with bytes of a response that its client is slow to take: written at its end by the app
 * thread, sent from its beginning by whoever drains the connection. Both at the same time; what they share is guarded
 * by the lock of struct h1_output. */
#ifndef CLUTCH_H1_SPOOL_H
#define CLUTCH_H1_SPOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "attrs.h"

/* Bytes of a file that are to be sent. */
struct h1_file_piece {
    int fd; /* owned; -1: none */
    off_t offset;
    uint64_t left; /* bytes */
    bool is_short; /* it has fewer, and the log says so */
};

struct h1_spool {
    struct h1_file_piece piece;
};

void h1_spool_init(struct h1_spool *);
void h1_spool_fini(struct h1_spool *);

/* Whether so many more bytes may be written, where `limit_bytes` may be in the file. */
bool h1_spool_has_room(const struct h1_spool *, uint64_t bytes, uint64_t limit_bytes);

/* Writes behind the last byte, at `end`. The bytes count as soon as the caller adds them to piece.left. Needs no lock:
 * touches nothing that sending touches. Returns 0 or -errno, which is logged at most once a minute. */
int h1_spool_write(struct h1_spool *, off_t end, const struct iovec *, int count, const char *directory) MUST_CHECK;

#endif
