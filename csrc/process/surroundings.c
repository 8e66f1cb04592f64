/* SPDX-License-Identifier: MIT */
#include "surroundings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "fd.h"
#include "log.h"
#include "log_out.h"
#include "log_syslog.h"

enum { MISTAKE_BYTES = 256 };

void surroundings_fill_standard_fds(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    fd_close(&fd);
}

static int close_input(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int result = fd >= 0 && dup2(fd, STDIN_FILENO) >= 0 ? 0 : -errno;

    fd_close(&fd);
    return result;
}

static int apply_environment(const struct config_list *env, char *error, size_t size)
{
    for (size_t i = 0; i < env->count; i++) {
        const char *item = env->items[i];
        const char *equals = strchr(item, '=');
        char *name = equals != NULL && equals != item ? strndup(item, (size_t)(equals - item)) : NULL;
        int result = name != NULL ? setenv(name, equals + 1, 1) : -1;

        free(name);
        if (result < 0) {
            snprintf(error, size, "--env %s: expected NAME=VALUE", item);
            return -1;
        }
    }
    return 0;
}

/* The standard descriptor that the path means, or -1. They are used as they are, because a socket, as journald gives it
 * to a service, cannot be opened by such a path. */
static int standard_fd_of(const char *path, int standard_fd)
{
    if (strcmp(path, "-") == 0)
        return standard_fd;
    if (strcmp(path, "/dev/stdout") == 0 || strcmp(path, "/proc/self/fd/1") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0 || strcmp(path, "/proc/self/fd/2") == 0)
        return STDERR_FILENO;
    return -1;
}

int surroundings_open_log(const char *option, const char *path, int standard_fd, char *error, size_t size)
{
    int fd = standard_fd_of(path, standard_fd);

    if (fd < 0)
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0)
        snprintf(error, size, "%s %s: the file cannot be opened for appending: %s", option, path, strerror(errno));
    return fd;
}

int surroundings_open_syslog(struct log_syslog *syslog, const char *option, const char *text, char *error, size_t size)
{
    char what[MISTAKE_BYTES];
    int result;

    if (log_syslog_parse(syslog, text, what, sizeof(what)) < 0) {
        snprintf(error, size, "%s: %s", option, what);
        return -1;
    }
    result = log_syslog_open(syslog);
    if (syslog->fd < 0) {
        snprintf(error, size, "%s %s: no socket could be made: %s", option, text, strerror(-result));
        return -1;
    }
    if (result < 0)
        log_warning("%s %s: nobody takes lines there now (%s): they are lost until somebody does", option, text,
                    strerror(-result));
    return 0;
}

bool surroundings_is_log_file(const char *path)
{
    return !log_syslog_is_meant(path) && standard_fd_of(path, STDERR_FILENO) < 0;
}

int surroundings_reopen_log(const char *option, const char *path, char *error, size_t size)
{
    /* A FIFO without a reader is an error rather than a wait. */
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
    int flags = fd >= 0 ? fcntl(fd, F_GETFL) : -1;

    if (flags >= 0 && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0)
        return fd;
    snprintf(error, size, "%s %s: the file cannot be opened again: %s", option, path, strerror(errno));
    fd_close(&fd);
    return -1;
}

/* Standard error becomes the log, so that tracebacks and C libraries write there as well. */
static int open_error_log(const char *path, char *error, size_t size)
{
    static struct log_syslog syslog; /* the log of all that is to come */
    int fd, result;

    if (log_syslog_is_meant(path)) {
        if (surroundings_open_syslog(&syslog, "--error-logfile", path, error, size) < 0)
            return -1;
        log_use_syslog(&syslog);
        return 0;
    }
    fd = surroundings_open_log("--error-logfile", path, STDERR_FILENO, error, size);
    if (fd < 0)
        return -1;
    if (fd == STDERR_FILENO)
        return 0;
    result = dup2(fd, STDERR_FILENO);
    if (fd > STDERR_FILENO)
        fd_close(&fd);
    if (result < 0) {
        snprintf(error, size, "--error-logfile %s: %s", path, strerror(errno));
        return -1;
    }
    log_out_open(STDERR_FILENO, "standard error");
    log_look_for_journal();
    return 0;
}

int surroundings_enter(const struct config *config, char *error, size_t size)
{
    if (config->umask >= 0)
        umask((mode_t)config->umask);
    if (config->chdir != NULL && chdir(config->chdir) < 0) {
        snprintf(error, size, "--chdir %s: %s", config->chdir, strerror(errno));
        return -1;
    }
    if (apply_environment(&config->env, error, size) < 0 || open_error_log(config->error_logfile, error, size) < 0)
        return -1;
    if (close_input() < 0) {
        snprintf(error, size, "/dev/null cannot be opened: %s", strerror(errno));
        return -1;
    }
    return 0;
}

uint64_t surroundings_allow_files(uint64_t count)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= count)
        return 0;
    if (limit.rlim_max < count)
        return limit.rlim_max;
    limit.rlim_cur = count;
    setrlimit(RLIMIT_NOFILE, &limit);
    return 0;
}
