/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log_out.h"

enum { LINE_BYTES = 2048, ROLE_BYTES = 32 };

static struct {
    enum log_level level;
    char role[ROLE_BYTES];
} state = {.level = LOG_LEVEL_INFO, .role = "master"};

void log_init(enum log_level level)
{
    state.level = level;
    log_out_init();
    log_out_open(STDERR_FILENO, "standard error");
    log_out_open(STDOUT_FILENO, "standard output");
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

/* To `out`, which is the error log. Returns whether it was written, as far as anybody can tell. */
static bool PRINTF_LIKE(3, 0)
    write_line(struct log_out *out, enum log_level level, const char *format, va_list arguments)
{
    char line[LINE_BYTES];
    size_t len = format_prefix(line, sizeof(line) - 1, level);
    int wanted = vsnprintf(line + len, sizeof(line) - 1 - len, format, arguments);

    if (wanted > 0)
        len += (size_t)wanted < sizeof(line) - 1 - len ? (size_t)wanted : sizeof(line) - 2 - len;
    line[len++] = '\n';
    return log_out_write(out, STDERR_FILENO, slice_of(line, len));
}

static bool PRINTF_LIKE(2, 3) write_now(enum log_level level, const char *format, ...)
{
    va_list arguments;
    bool is_written;

    va_start(arguments, format);
    is_written = write_line(log_out_of(STDERR_FILENO), level, format, arguments);
    va_end(arguments);
    return is_written;
}

/* There is room again: for these lines, and first for the news of those that found none. */
static void tell_lost(struct log_out *out)
{
    uint32_t count = log_out_take_lost(out);

    if (count > 0 &&
        !write_now(LOG_LEVEL_WARNING, "%u line%s lost: the reader of %s stood still or was slow, and there was no room",
                   count, count == 1 ? " was" : "s were", log_out_name(out)))
        log_out_give_back_lost(out, count);
}

void log_write_lines(int fd, struct slice lines)
{
    struct log_out *out = log_out_of(fd);

    if (log_out_write(out, fd, lines) && out != NULL)
        tell_lost(out);
}

void log_write(enum log_level level, const char *format, ...)
{
    int saved_errno = errno;
    struct log_out *out = log_out_of(STDERR_FILENO);
    va_list arguments;

    va_start(arguments, format);
    if (write_line(out, level, format, arguments) && out != NULL)
        tell_lost(out);
    va_end(arguments);
    errno = saved_errno;
}
