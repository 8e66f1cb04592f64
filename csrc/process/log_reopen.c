/* SPDX-License-Identifier: MIT */
#include "log_reopen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "config.h"
#include "fd.h"
#include "log.h"
#include "master_priv.h"
#include "notice.h"
#include "surroundings.h"

enum { ERROR_BYTES = 1024, AGAIN_US = 1000000 };

/* --- Master --- */

static bool is_regular(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

/* What is to be given away: the master's own descriptors, where they are files. What has a reader is not opened again:
 * log_out.h has a descriptor of its own for that. */
static struct notice_logs own_logs(const struct master *master)
{
    const struct config *config = master->config;
    int access_fd = master->inherit.access_log_fd;

    return (struct notice_logs){
        .error_fd = surroundings_is_log_file(config->error_logfile) && is_regular(STDERR_FILENO) ? STDERR_FILENO : -1,
        .access_fd = access_fd > STDERR_FILENO && is_regular(access_fd) ? access_fd : -1,
    };
}

/* Opens the file and puts it under the number of the old one. Whether that was done. */
static bool renew(const char *option, const char *path, int number)
{
    char error[ERROR_BYTES];
    int fd = surroundings_reopen_log(option, path, error, sizeof(error));

    if (fd < 0) {
        log_error("%s; its lines go on to where they went before", error);
        return false;
    }
    if (!is_regular(fd)) {
        log_error("%s %s: is no regular file any more; its lines go on to where they went before", option, path);
        fd_close(&fd);
        return false;
    }
    if (dup3(fd, number, number > STDERR_FILENO ? O_CLOEXEC : 0) < 0) {
        log_error("%s %s: %s; its lines go on to where they went before", option, path, strerror(errno));
        fd_close(&fd);
        return false;
    }
    fd_close(&fd);
    return true;
}

static bool give(const struct slot *slot, const struct notice_logs *logs)
{
    int result = slot->control_fd >= 0 ? notice_give_logs(slot->control_fd, logs) : 0;

    /* Of other errors: it has ended, or its channel was full when it was told to, and keeps the file that it has. */
    return result != -EAGAIN && result != -ETOOMANYREFS;
}

static void give_to_all(struct master *master)
{
    const struct notice_logs logs = own_logs(master);
    bool is_done = give(&master->monitor.slot, &logs);

    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot))
        is_done &= give(slot, &logs);
    master->logs_again_us = is_done ? SLOT_NEVER : clock_now_us() + AGAIN_US;
}

void log_reopen(struct master *master)
{
    const struct notice_logs logs = own_logs(master);
    const struct config *config = master->config;
    bool has_error, has_access;

    if (logs.error_fd < 0 && logs.access_fd < 0) {
        log_info("SIGUSR1: no log is a file that could be opened again");
        return;
    }
    has_error = logs.error_fd >= 0 && renew("--error-logfile", config->error_logfile, logs.error_fd);
    has_access = logs.access_fd >= 0 && renew("--access-logfile", config->access_logfile, logs.access_fd);
    if (!has_error && !has_access)
        return;
    log_info("SIGUSR1: opened again: %s%s%s", has_error ? config->error_logfile : "",
             has_error && has_access ? ", " : "", has_access ? config->access_logfile : "");
    give_to_all(master);
}

int64_t log_reopen_next_us(const struct master *master)
{
    return master->logs_again_us;
}

void log_reopen_step(struct master *master)
{
    if (clock_now_us() >= master->logs_again_us)
        give_to_all(master);
}

/* --- Children --- */

static void replace(int *fd, int number)
{
    if (*fd >= 0 && number >= 0)
        (void)!dup3(*fd, number, number > STDERR_FILENO ? O_CLOEXEC : 0);
    fd_close(fd);
}

void log_reopen_take(const struct inherit *inherit, struct notice_logs *logs)
{
    if (logs->error_fd < 0 && logs->access_fd < 0) {
        log_error("the log files that were opened again could not be taken over: no descriptor is free (ulimit -n); "
                  "this process goes on in the old ones");
        return;
    }
    replace(&logs->error_fd, STDERR_FILENO);
    replace(&logs->access_fd, inherit->access_log_fd);
}
