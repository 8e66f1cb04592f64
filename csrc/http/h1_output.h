/* SPDX-License-Identifier: MIT
 * Bytes of responses that the client has not taken yet, and after them perhaps a piece of a file. Owned by a connection
 * while it is blocked in writing, and only then. Nothing here waits. */
#ifndef CLUTCH_H1_OUTPUT_H
#define CLUTCH_H1_OUTPUT_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "attrs.h"
#include "buf.h"

enum io_result { IO_DONE, IO_AGAIN, IO_FAILED };

struct h1_output {
    struct buf bytes;
    size_t sent; /* of bytes */
    int file_fd; /* owned; -1: none */
    off_t file_offset;
    uint64_t file_left; /* bytes */
    bool has_progress;  /* something was taken since this was last cleared */
};

void h1_output_init(struct h1_output *);
void h1_output_fini(struct h1_output *);
bool h1_output_is_empty(const struct h1_output *);

/* Bytes in memory that wait. */
size_t h1_output_size(const struct h1_output *);

/* Appends copies. 0 or -ENOMEM. */
int h1_output_append(struct h1_output *, const struct iovec *, int count) MUST_CHECK;

/* Queues a file piece behind the bytes; duplicates `fd`. 0 or -errno. */
int h1_output_append_file(struct h1_output *, int fd, off_t offset, uint64_t length) MUST_CHECK;

/* Sends what the socket takes. IO_FAILED: the client is gone. */
enum io_result h1_output_flush(struct h1_output *, int socket_fd);

/* Sends from `iov`, which is advanced: *iov and *count say what is left. */
enum io_result h1_output_send(int socket_fd, struct iovec **iov, int *count);

#endif
