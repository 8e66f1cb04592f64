/* SPDX-License-Identifier: MIT */
#include "wraps.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "log.h"
#include "script.h"

enum { MOST_LOOKS = 100000, LINE_BYTES = 4096 };

void (*wraps_on_wait)(void);
bool (*wraps_on_blocked)(void);
unsigned wraps_idle_looks;

int64_t __wrap_clock_now_us(void);
int64_t __real_clock_now_us(void);
int __wrap_epoll_wait(int epoll_fd, struct epoll_event *events, int most, int timeout_ms);
int __real_epoll_wait(int epoll_fd, struct epoll_event *events, int most, int timeout_ms);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
void __wrap_log_write(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

int64_t __wrap_clock_now_us(void)
{
    return wraps_on_wait != NULL ? script_now_us : __real_clock_now_us();
}

int __wrap_epoll_wait(int epoll_fd, struct epoll_event *events, int most, int timeout_ms)
{
    int count = __real_epoll_wait(epoll_fd, events, most, wraps_on_wait != NULL ? 0 : timeout_ms);

    if (wraps_on_wait == NULL || count != 0)
        return count;
    if (++wraps_idle_looks > MOST_LOOKS)
        fail("the server spins");
    if (timeout_ms != 0) {
        wraps_idle_looks = 0;
        wraps_on_wait();
    }
    return 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    int ready;

    if (wraps_on_wait == NULL || timeout_ms == 0)
        return __real_poll(fds, count, timeout_ms);
    while ((ready = __real_poll(fds, count, 0)) == 0) {
        if (!wraps_on_blocked()) {
            script_now_us += (int64_t)timeout_ms * 1000;
            return 0;
        }
    }
    return ready;
}

/* Written nowhere; but nothing that a client sends may look like a line of the server's own, or move a terminal. */
void __wrap_log_write(enum log_level level, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;

    (void)level;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    for (const char *at = line; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || (unsigned char)*at >= 0x7f)
            fail("a control character in the log");
    }
}
