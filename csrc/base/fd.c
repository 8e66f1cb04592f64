/* SPDX-License-Identifier: MIT */
#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <time.h>
#include <unistd.h>

#include "standard_fds.h"

void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

bool fd_has_room(int fd, int count)
{
    int copies[4], made = 0;

    while (made < count && (copies[made] = fcntl(fd, F_DUPFD_CLOEXEC, 0)) >= 0)
        made++;
    for (int i = 0; i < made; i++)
        close(copies[i]);
    return made == count;
}

int fd_pipe(int ends[2])
{
    return pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0 ? 0 : -errno;
}

int fd_temporary_file(const char *directory)
{
    int fd;

    if (directory == NULL)
        directory = getenv("TMPDIR");
    if (directory == NULL || directory[0] == '\0')
        directory = "/tmp";
    fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    /* A read-only container, or a file system that cannot make nameless files: memory, which the container's limit
     * counts. */
    if (fd < 0)
        fd = memfd_create("clutch-body", MFD_CLOEXEC);
    return fd >= 0 ? standard_fds_stay_clear(fd) : -errno;
}

void fd_hold_pipe_signal(sigset_t *before)
{
    sigset_t pipe_signal;

    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, before);
}

void fd_release_pipe_signal(const sigset_t *before, bool may_have_come)
{
    const struct timespec now = {0};
    sigset_t pipe_signal;
    int saved = errno;

    if (may_have_come) {
        sigemptyset(&pipe_signal);
        sigaddset(&pipe_signal, SIGPIPE);
        while (sigtimedwait(&pipe_signal, NULL, &now) < 0 && errno == EINTR)
            ;
    }
    pthread_sigmask(SIG_SETMASK, before, NULL);
    errno = saved;
}

ssize_t fd_send_file(int socket_fd, int file_fd, off_t *offset, size_t len)
{
    sigset_t before;
    ssize_t sent;

    fd_hold_pipe_signal(&before);
    sent = sendfile(socket_fd, file_fd, offset, len);
    /* It may have sent something before. */
    fd_release_pipe_signal(&before, sent < 0 ? errno == EPIPE : (size_t)sent < len);
    return sent;
}

int fd_write_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t written = write(fd, at, len);

        if (written >= 0) {
            at += written;
            len -= (size_t)written;
        } else if (errno == EAGAIN) {
            struct pollfd waiting = {.fd = fd, .events = POLLOUT};

            poll(&waiting, 1, -1);
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

int fd_write_all_at(int fd, const void *bytes, size_t len, off_t at)
{
    const char *next = bytes;

    while (len > 0) {
        ssize_t written = pwrite(fd, next, len, at);

        if (written > 0) {
            next += written;
            len -= (size_t)written;
            at += written;
        } else if (written == 0) {
            return -ENOSPC;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}
