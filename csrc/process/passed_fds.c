/* SPDX-License-Identifier: MIT */
#include "passed_fds.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "fd.h"
#include "standard_fds.h"

/* Room for the descriptors, aligned as the kernel wants it. */
union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * PASSED_FDS_MOST)];
};

int passed_fds_send(int channel_fd, const void *bytes, size_t len, const int *fds, size_t count)
{
    struct iovec body = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
    union control control;
    struct msghdr message = {.msg_iov = &body, .msg_iovlen = 1};

    memset(&control, 0, sizeof(control));
    if (count > 0) {
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * count);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    }
    return sendmsg(channel_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ? 0 : -errno;
}

static void take(const struct cmsghdr *header, struct passed_fds *passed)
{
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

    for (size_t i = 0; i < count && i < PASSED_FDS_MOST; i++) {
        int fd;

        memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
        passed->fds[passed->count++] = standard_fds_stay_clear(fd);
    }
}

ssize_t passed_fds_receive(int channel_fd, void *bytes, size_t size, struct passed_fds *passed, int flags)
{
    struct iovec body = {.iov_base = bytes, .iov_len = size};
    union control control;
    struct msghdr message = {
        .msg_iov = &body,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control.bytes),
    };
    const struct cmsghdr *header;
    ssize_t got;

    passed->count = 0;
    do {
        got = recvmsg(channel_fd, &message, MSG_CMSG_CLOEXEC | flags);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        take(header, passed);
    return got;
}

void passed_fds_close(struct passed_fds *passed)
{
    while (passed->count > 0)
        fd_close(&passed->fds[--passed->count]);
}
