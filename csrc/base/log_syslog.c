/* SPDX-License-Identifier: MIT */
#include "log_syslog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "standard_fds.h"

enum { CUT_BYTES = 8192, HEAD_BYTES = 512, TOLD_AGAIN_US = 1000000 };

/* Severities of RFC 5424 6.2.1. */
static int severity_of(enum log_level level)
{
    static const int severities[] = {7, 6, 4, 3, 2};

    return severities[level];
}

/* --- The socket --- */

static int open_socket(const struct log_syslog *syslog, int *result)
{
    int fd = standard_fds_stay_clear(socket(syslog->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));

    *result = fd < 0 ? -errno : 0;
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&syslog->address, syslog->address_bytes) < 0)
        *result = -errno;
    return fd;
}

int log_syslog_open(struct log_syslog *syslog)
{
    int result;

    gethostname(syslog->host, sizeof(syslog->host) - 1);
    syslog->fd = open_socket(syslog, &result);
    return result;
}

void log_syslog_close(struct log_syslog *syslog)
{
    int fd = atomic_exchange(&syslog->fd, -1);

    fd_close(&fd);
}

/* Whether the descriptor is still what it was: the application may have closed it, and a client's connection, which is
 * no datagram socket, have got the number. */
static bool is_datagram_socket(int fd)
{
    int type = 0;
    socklen_t len = sizeof(type);

    return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_DGRAM;
}

static int socket_of(struct log_syslog *syslog)
{
    int fd = syslog->fd, ignored, made;

    if (LIKELY(is_datagram_socket(fd)))
        return fd;
    made = open_socket(syslog, &ignored);
    if (made >= 0 && !atomic_compare_exchange_strong(&syslog->fd, &fd, made)) {
        fd_close(&made);
        return fd; /* another thread was faster */
    }
    return made;
}

/* Over the connection that was made at the start, with other rights perhaps; else to the address, where there may be
 * another receiver by now. 0 or -errno. */
static int put(struct log_syslog *syslog, struct slice head, struct slice text)
{
    struct iovec pieces[] = {{.iov_base = (void *)(uintptr_t)head.ptr, .iov_len = head.len},
                             {.iov_base = (void *)(uintptr_t)text.ptr, .iov_len = text.len}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = ARRAY_COUNT(pieces)};
    int fd = socket_of(syslog);

    if (fd < 0)
        return -EBADF;
    if (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return 0;
    if (errno == EAGAIN || errno == ENOBUFS || errno == EMSGSIZE)
        return -errno;
    message.msg_name = &syslog->address;
    message.msg_namelen = syslog->address_bytes;
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ? 0 : -errno;
}

/* --- Messages --- */

/* <PRI>1 TIMESTAMP HOST TAG PID - - (RFC 5424 6) */
static int format_rfc5424(const struct log_syslog *syslog, int priority, char *out, size_t size)
{
    int64_t now_us = clock_wall_us();
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    return snprintf(out, size, "<%d>1 %04d-%02d-%02dT%02d:%02d:%02d.%06dZ %s %s %d - - ", priority, tm.tm_year + 1900,
                    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(now_us % 1000000),
                    syslog->host[0] != '\0' ? syslog->host : "-", syslog->tag, (int)getpid());
}

/* <PRI>Mmm dd hh:mm:ss TAG[PID]: as syslog(3) writes to /dev/log */
static int format_bsd(const struct log_syslog *syslog, int priority, char *out, size_t size)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    struct tm tm;

    localtime_r(&now, &tm);
    return snprintf(out, size, "<%d>%.3s %2d %02d:%02d:%02d %s[%d]: ", priority, months + (ptrdiff_t)3 * tm.tm_mon,
                    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, syslog->tag, (int)getpid());
}

static bool send_message(struct log_syslog *syslog, enum log_level level, struct slice text)
{
    char head[HEAD_BYTES];
    int priority = syslog->facility * 8 + severity_of(level);
    int len = syslog->is_rfc5424 ? format_rfc5424(syslog, priority, head, sizeof(head))
                                 : format_bsd(syslog, priority, head, sizeof(head));
    int result;

    if (len < 0 || len >= HEAD_BYTES)
        return false;
    result = put(syslog, slice_of(head, (size_t)len), text);
    if (result == -EMSGSIZE && text.len > CUT_BYTES)
        result = put(syslog, slice_of(head, (size_t)len), slice_of(text.ptr, CUT_BYTES));
    return result == 0;
}

/* --- Lost lines --- */

static void tell_lost(struct log_syslog *syslog)
{
    int64_t told_us = syslog->told_us, now_us;
    char text[256];
    uint32_t count;
    int len;

    if (LIKELY(syslog->lost_lines == 0))
        return;
    now_us = clock_now_us();
    if ((told_us != 0 && now_us - told_us < TOLD_AGAIN_US) ||
        !atomic_compare_exchange_strong(&syslog->told_us, &told_us, now_us))
        return;
    count = atomic_exchange(&syslog->lost_lines, 0);
    if (count == 0)
        return;
    len = snprintf(text, sizeof(text), "[warning] %u line%s lost: nobody took them at %.128s", count,
                   count == 1 ? " was" : "s were", syslog->name);
    if (!send_message(syslog, LOG_LEVEL_WARNING, slice_of(text, (size_t)len)))
        syslog->lost_lines += count;
}

void log_syslog_send(struct log_syslog *syslog, enum log_level level, struct slice text)
{
    if (send_message(syslog, level, text))
        tell_lost(syslog);
    else
        syslog->lost_lines++;
}

void log_syslog_send_lines(struct log_syslog *syslog, enum log_level level, struct slice lines)
{
    while (lines.len > 0) {
        const char *newline = memchr(lines.ptr, '\n', lines.len);
        size_t len = newline != NULL ? (size_t)(newline - lines.ptr) : lines.len;
        size_t taken = newline != NULL ? len + 1 : len;

        log_syslog_send(syslog, level, slice_of(lines.ptr, len));
        lines = slice_of(lines.ptr + taken, lines.len - taken);
    }
}
