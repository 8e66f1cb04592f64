/* SPDX-License-Identifier: MIT
 * Messages with descriptors beside them (SCM_RIGHTS, unix(7)) on the channels between master and children. */
#ifndef CLUTCH_PASSED_FDS_H
#define CLUTCH_PASSED_FDS_H

#include <stddef.h>
#include <sys/types.h>

#include "attrs.h"

enum { PASSED_FDS_MOST = 2 };

/* Descriptors that came with a message, close-on-exec and none of a standard number; the caller's. */
struct passed_fds {
    size_t count; /* 0 also when there was no room for them: no descriptor was free */
    int fds[PASSED_FDS_MOST];
};

/* Sends a message with copies of these descriptors (at most PASSED_FDS_MOST). Never waits. 0 or -errno: -EAGAIN and
 * -ETOOMANYREFS when too much is on its way, -EPIPE and -ECONNRESET when nobody is there any more. */
int passed_fds_send(int channel_fd, const void *bytes, size_t len, const int *fds, size_t count) MUST_CHECK;

/* Takes the next message; `flags` as MSG_DONTWAIT. The bytes it had (cut at `size`), 0 at the end, or -errno. */
ssize_t passed_fds_receive(int channel_fd, void *bytes, size_t size, struct passed_fds *, int flags) MUST_CHECK;

void passed_fds_close(struct passed_fds *);

#endif
