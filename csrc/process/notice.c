/* SPDX-License-Identifier: MIT */
#include "notice.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

int notice_open_channel(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0 ? 0 : -errno;
}

void notice_send(int channel_fd, enum notice_kind kind, int number, uint64_t serial, pid_t pid)
{
    const struct notice notice = {
        .serial = serial,
        .number = number,
        .pid = pid != 0 ? pid : getpid(),
        .kind = kind,
    };

    /* Another error means that the master is dead, or wants nothing more to do with us: the channel is about to say
     * so. */
    while (send(channel_fd, &notice, sizeof(notice), MSG_NOSIGNAL) < 0) {
        if (errno == EAGAIN)
            poll(&(struct pollfd){.fd = channel_fd, .events = POLLOUT}, 1, -1);
        else if (errno != EINTR)
            break;
    }
}

void notice_poke(int channel_fd, int number, uint64_t serial)
{
    const struct notice notice = {.serial = serial, .number = number, .pid = getpid(), .kind = NOTICE_POKE};

    /* A full channel wakes the master as well. */
    (void)!send(channel_fd, &notice, sizeof(notice), MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool notice_ask_recycle(int channel_fd, int number, uint64_t serial, int cause)
{
    const struct notice notice = {
        .serial = serial, .number = number, .pid = getpid(), .kind = NOTICE_RECYCLE, .cause = (uint32_t)cause};

    return send(channel_fd, &notice, sizeof(notice), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno != EAGAIN;
}

static const char GO = 'g';

void notice_let_go(int channel_fd)
{
    (void)!send(channel_fd, &GO, sizeof(GO), MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool notice_may_go(int channel_fd)
{
    char word = 0;
    ssize_t got;

    do {
        got = recv(channel_fd, &word, sizeof(word), MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof(word) && word == GO;
}

/* An empty message looks like the end otherwise. */
static bool is_over(int channel_fd)
{
    struct pollfd end = {.fd = channel_fd, .events = POLLRDHUP};

    return poll(&end, 1, 0) > 0;
}

enum notice_news notice_receive(int channel_fd, struct notice *notice)
{
    ssize_t got;

    /* ECONNRESET comes once, before what is left to read: the other end has gone with something unread. Descriptors
     * that came along are closed by the kernel, as there is no room for them. */
    do {
        got = recv(channel_fd, notice, sizeof(*notice), MSG_DONTWAIT | MSG_TRUNC);
    } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
    if (got < 0)
        return errno == EAGAIN ? NOTICE_NONE : NOTICE_OVER;
    if (got == 0 && is_over(channel_fd))
        return NOTICE_OVER;
    return got == (ssize_t)sizeof(*notice) && notice->kind <= NOTICE_RECYCLE ? NOTICE_ARRIVED : NOTICE_RUBBISH;
}
