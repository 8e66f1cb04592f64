/* SPDX-License-Identifier: MIT
 * Descriptors. Everything is opened close-on-exec. */
#ifndef CLUTCH_FD_H
#define CLUTCH_FD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "attrs.h"

/* Closes *fd when it is not -1 and sets it to -1. */
void fd_close(int *fd);

/* Whether so many more could be opened now (at most 4); `fd` is any open one. */
bool fd_has_room(int fd, int count);

/* A pipe with both ends close-on-exec and non-blocking: ends[0] reads, ends[1] writes. 0 or -errno. */
int fd_pipe(int ends[2]) MUST_CHECK;

/* An unlinked temporary file in `directory` ($TMPDIR or /tmp when NULL), or in memory when no directory is writable.
 * Returns a descriptor owned by the caller, or -errno. */
int fd_temporary_file(const char *directory) MUST_CHECK;

/* Writes all of it to a regular file, at this place; the file's own position stays. 0 or -errno. */
int fd_write_all_at(int fd, const void *bytes, size_t len, off_t at) MUST_CHECK;

/* Between the two no write of this thread dies of SIGPIPE, which the application may have made deadly again: for calls
 * that have no flag for that. `before` is filled for the second, which takes the signal away when `may_have_come`. Both
 * keep errno. */
void fd_hold_pipe_signal(sigset_t *before);
void fd_release_pipe_signal(const sigset_t *before, bool may_have_come);

/* sendfile(2) without its SIGPIPE. Bytes sent, or -1 with errno. */
ssize_t fd_send_file(int socket_fd, int file_fd, off_t *offset, size_t len) MUST_CHECK;

/* Writes all of it, waiting where it must. 0 or -errno. */
int fd_write_all(int fd, const void *bytes, size_t len) MUST_CHECK;

#endif
