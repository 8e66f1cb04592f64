/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"

enum { LINE_BYTES = 2048, ROLE_BYTES = 32 };

static struct {
    enum log_level level;
    char role[ROLE_BYTES];
    pthread_mutex_t *lock; /* shared by all processes; NULL before log_init */
} state = {.level = LOG_LEVEL_INFO, .role = "master"};

static pthread_mutex_t *new_shared_lock(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t *lock = mmap(NULL, sizeof(*lock), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (lock == MAP_FAILED)
        return NULL;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    /* A process can be killed in the middle of a line; the next one then gets the lock all the same. */
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return lock;
}

void log_init(enum log_level level)
{
    state.level = level;
    if (state.lock == NULL)
        state.lock = new_shared_lock();
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

/* The kernel may interleave writes to a pipe that do not fit it at once; writes to files opened for appending it does
 * not. */
static bool needs_lock(int fd)
{
    struct stat status;

    return state.lock != NULL && fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

void log_write_lines(int fd, struct slice lines)
{
    bool is_locked = needs_lock(fd);

    if (is_locked && pthread_mutex_lock(state.lock) == EOWNERDEAD)
        pthread_mutex_consistent(state.lock);
    /* A log that cannot be written is no reason to stop serving, and there is nowhere to say so. */
    (void)!fd_write_all(fd, lines.ptr, lines.len);
    if (is_locked)
        pthread_mutex_unlock(state.lock);
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

void log_write(enum log_level level, const char *format, ...)
{
    char line[LINE_BYTES];
    int saved_errno = errno;
    size_t len = format_prefix(line, sizeof(line) - 1, level);
    va_list arguments;
    int wanted;

    va_start(arguments, format);
    wanted = vsnprintf(line + len, sizeof(line) - 1 - len, format, arguments);
    va_end(arguments);
    if (wanted > 0)
        len += (size_t)wanted < sizeof(line) - 1 - len ? (size_t)wanted : sizeof(line) - 2 - len;
    line[len++] = '\n';
    log_write_lines(STDERR_FILENO, slice_of(line, len));
    errno = saved_errno;
}
