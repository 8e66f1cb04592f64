/* SPDX-License-Identifier: MIT */
#include "standard_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "log.h"

static _Thread_local bool is_restoring;

/* What the parent, another process of the server, has under this number. A pipe without a reader keeps nobody waiting.
 * The descriptor, or -1. */
static int open_of_parent(int number)
{
    char path[64];
    int fd, flags;

    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getppid(), number);
    fd = open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && ((flags = fcntl(fd, F_GETFL)) < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* In a sandbox there may be no /dev/null; the end of a pipe that cannot be written to will do. */
static int open_nowhere(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC), ends[2];

    if (fd >= 0 || pipe2(ends, O_CLOEXEC) < 0)
        return fd;
    close(ends[1]);
    return ends[0];
}

/* Puts something under a standard number, and says so. The copy is inherited by programs, as these always are. */
static void fill(int number)
{
    static const char *const names[] = {"standard input", "standard output", "standard error"};
    int fd = number == STDIN_FILENO ? -1 : open_of_parent(number);
    bool is_found = fd >= 0;

    if (!is_found)
        fd = open_nowhere();
    if (fd == number)
        fcntl(fd, F_SETFD, 0);
    else if (fd >= 0) {
        dup2(fd, number);
        close(fd);
    }
    log_warning("the application has closed descriptor %d (%s): %s", number, names[number],
                is_found ? "it is open again" : "from now on it leads nowhere");
}

static bool is_closed(int fd)
{
    return fcntl(fd, F_GETFD) < 0 && errno == EBADF;
}

/* `taken`: one of them that is to be filled although it is open, or -1. */
static void fill_all(int taken)
{
    if (is_restoring)
        return;
    is_restoring = true;
    for (int number = STDERR_FILENO; number >= STDIN_FILENO; number--) {
        if (number == taken || is_closed(number))
            fill(number);
    }
    is_restoring = false;
}

void standard_fds_restore(void)
{
    int saved_errno = errno;

    fill_all(-1);
    errno = saved_errno;
}

int standard_fds_stay_clear(int fd)
{
    int copy;

    if (LIKELY(fd > STDERR_FILENO) || fd < 0)
        return fd;
    copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (copy < 0)
        return fd;
    fill_all(fd);
    return copy;
}
