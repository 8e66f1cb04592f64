/* SPDX-License-Identifier: MIT */
#include "notice.h"

#include <errno.h>
#include <unistd.h>

#include "fd.h"

void notice_send(int notify_fd, enum notice_kind kind, int number, uint64_t serial, pid_t pid)
{
    const struct notice notice = {
        .serial = serial,
        .number = number,
        .pid = pid != 0 ? pid : getpid(),
        .kind = kind,
    };

    /* An error means EPIPE: the master is dead, and the control pipe is about to say so. */
    (void)!fd_write_all(notify_fd, &notice, sizeof(notice));
}

bool notice_receive(int notify_fd, struct notice *notice)
{
    ssize_t got;

    do {
        got = read(notify_fd, notice, sizeof(*notice));
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof(*notice);
}
