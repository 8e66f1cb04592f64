/* SPDX-License-Identifier: MIT */
#include "notice.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "passed_fds.h"

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

int notice_ask(int channel_fd, enum notice_kind kind, int number, uint64_t serial, int32_t subject)
{
    const struct notice notice = {.serial = serial, .number = number, .pid = subject, .kind = kind};

    return send(channel_fd, &notice, sizeof(notice), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ? 0 : -errno;
}

void notice_poke(int channel_fd, int number, uint64_t serial)
{
    /* A full channel wakes the master as well. */
    notice_ask(channel_fd, NOTICE_POKE, number, serial, getpid());
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

static const char END = 'e';

void notice_end(int channel_fd)
{
    if (send(channel_fd, &END, sizeof(END), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        shutdown(channel_fd, SHUT_WR);
}

/* Which files the descriptors beside it are, in this order. */
struct logs_word {
    char word;
    bool has_error, has_access;
};

static const char LOGS = 'l';

int notice_give_logs(int channel_fd, const struct notice_logs *logs)
{
    const struct logs_word word = {.word = LOGS, .has_error = logs->error_fd >= 0, .has_access = logs->access_fd >= 0};
    int fds[PASSED_FDS_MOST];
    size_t count = 0;

    if (word.has_error)
        fds[count++] = logs->error_fd;
    if (word.has_access)
        fds[count++] = logs->access_fd;
    return passed_fds_send(channel_fd, &word, sizeof(word), fds, count);
}

bool notice_read_logs(const void *bytes, size_t len, struct passed_fds *passed, struct notice_logs *logs)
{
    struct logs_word word;

    if (len != sizeof(word))
        return false;
    memcpy(&word, bytes, sizeof(word));
    if (word.word != LOGS)
        return false;
    *logs = (struct notice_logs){.error_fd = -1, .access_fd = -1};
    if (passed->count < (size_t)word.has_error + (size_t)word.has_access) {
        passed_fds_close(passed);
        return true;
    }
    if (word.has_access)
        logs->access_fd = passed->fds[--passed->count];
    if (word.has_error)
        logs->error_fd = passed->fds[--passed->count];
    return true;
}

enum notice_word notice_take_word(int channel_fd, struct notice_logs *logs)
{
    char bytes[sizeof(struct logs_word) + 1];
    struct passed_fds passed;
    ssize_t got = passed_fds_receive(channel_fd, bytes, sizeof(bytes), &passed, MSG_DONTWAIT);

    if (got > 0 && notice_read_logs(bytes, (size_t)got, &passed, logs))
        return NOTICE_LOGS;
    passed_fds_close(&passed);
    if (got != (ssize_t)sizeof(GO))
        return NOTICE_GONE;
    return bytes[0] == GO ? NOTICE_GO : NOTICE_END;
}

bool notice_is_abandoned(int channel_fd)
{
    struct pollfd end = {.fd = channel_fd};

    return poll(&end, 1, 0) > 0 && (end.revents & POLLHUP) != 0;
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
    return got == (ssize_t)sizeof(*notice) && notice->kind < NOTICE_KINDS ? NOTICE_ARRIVED : NOTICE_RUBBISH;
}
