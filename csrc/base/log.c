/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "log_pipe.h"
#include "standard_fds.h"

enum { LINE_BYTES = 2048, ROLE_BYTES = 32 };

static struct {
    enum log_level level;
    char role[ROLE_BYTES];
} state = {.level = LOG_LEVEL_INFO, .role = "master"};

void log_init(enum log_level level)
{
    state.level = level;
    log_pipe_init();
}

int log_fd(void)
{
    return STDERR_FILENO;
}

bool log_is_enabled(enum log_level level)
{
    return level >= state.level;
}

void log_set_role(const char *role)
{
    snprintf(state.role, sizeof(state.role), "%s", role);
}

static const char *level_name(enum log_level level)
{
    static const char *const names[] = {"debug", "info", "warning", "error", "critical"};

    return names[level];
}

static size_t format_prefix(char *out, size_t size, enum log_level level)
{
    time_t now = time(NULL);
    struct tm tm;
    size_t len;

    localtime_r(&now, &tm);
    len = strftime(out, size, "[%Y-%m-%d %H:%M:%S %z] ", &tm);
    return len +
           (size_t)snprintf(out + len, size - len, "[%d] [%s] %s: ", (int)getpid(), level_name(level), state.role);
}

/* Returns whether it was written, as far as anybody can tell. */
static bool put(int fd, struct slice lines)
{
    if (log_pipe_is_one(fd))
        return log_pipe_write(fd, lines);
    if (fd_write_all(fd, lines.ptr, lines.len) == -EBADF) {
        standard_fds_restore();
        /* A log that cannot be written is no reason to stop serving, and there is nowhere to say so. */
        (void)!fd_write_all(fd, lines.ptr, lines.len);
    }
    return true;
}

static bool PRINTF_LIKE(2, 0) write_line(enum log_level level, const char *format, va_list arguments)
{
    char line[LINE_BYTES];
    size_t len = format_prefix(line, sizeof(line) - 1, level);
    int wanted = vsnprintf(line + len, sizeof(line) - 1 - len, format, arguments);

    if (wanted > 0)
        len += (size_t)wanted < sizeof(line) - 1 - len ? (size_t)wanted : sizeof(line) - 2 - len;
    line[len++] = '\n';
    return put(STDERR_FILENO, slice_of(line, len));
}

static bool PRINTF_LIKE(2, 3) write_now(enum log_level level, const char *format, ...)
{
    va_list arguments;
    bool is_written;

    va_start(arguments, format);
    is_written = write_line(level, format, arguments);
    va_end(arguments);
    return is_written;
}

/* There is room again: for these lines, and first for the news of those that found none. */
static void tell_lost(int fd)
{
    uint32_t count = log_pipe_take_lost(fd);
    const char *name = fd == STDERR_FILENO   ? "standard error"
                       : fd == STDOUT_FILENO ? "standard output"
                                             : "the access log";

    if (count > 0 &&
        !write_now(LOG_LEVEL_WARNING, "%u line%s lost: the reader of %s stood still, and its pipe was full", count,
                   count == 1 ? " was" : "s were", name))
        log_pipe_give_back_lost(fd, count);
}

void log_write_lines(int fd, struct slice lines)
{
    if (put(fd, lines))
        tell_lost(fd);
}

void log_write(enum log_level level, const char *format, ...)
{
    int saved_errno = errno;
    va_list arguments;

    va_start(arguments, format);
    if (write_line(level, format, arguments))
        tell_lost(STDERR_FILENO);
    va_end(arguments);
    errno = saved_errno;
}
