/* SPDX-License-Identifier: MIT */
#include "pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "fd.h"
#include "text.h"

enum { NAME_BYTES = 4096 };

/* The process id in the file; 0 when there is no file or no number in it. */
static pid_t read_pid(const char *path)
{
    char text[32];
    uint64_t number = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof(text)) : -1;

    fd_close(&fd);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
        len--;
    if (len <= 0 || !text_parse_u64(slice_of(text, (size_t)len), &number) || number > INT_MAX)
        return 0;
    return (pid_t)number;
}

static bool is_alive(pid_t pid)
{
    return kill(pid, 0) == 0 || errno == EPERM;
}

/* Writes a file beside the wanted one and moves it there. 0 or -errno. */
static int replace_file(const char *path)
{
    char beside[NAME_BYTES], text[16];
    int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    int fd, result;

    if ((size_t)snprintf(beside, sizeof(beside), "%s.%d", path, (int)getpid()) >= sizeof(beside))
        return -ENAMETOOLONG;
    unlink(beside); /* of an earlier process with our pid: pids are few in a container */
    fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    result = fd_write_all(fd, text, (size_t)len);
    close(fd);
    if (result == 0 && rename(beside, path) < 0)
        result = -errno;
    if (result < 0)
        unlink(beside);
    return result;
}

int pidfile_take_over(const char *path, pid_t from, char *error, size_t size)
{
    struct stat status;
    pid_t other;
    int result;

    /* root could move a file to the place of /dev/null. */
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        snprintf(error, size, "--pid %s: the file cannot be written: something that is no regular file is there", path);
        return -1;
    }
    other = read_pid(path);
    /* Our own pid is a leftover too: after a restart of a container the numbers are the same. */
    if (other > 0 && other != getpid() && other != from && is_alive(other)) {
        snprintf(error, size, "--pid %s: the file names process %d, which is running; stop it, or remove the file",
                 path, (int)other);
        return -1;
    }
    result = replace_file(path);
    if (result < 0) {
        snprintf(error, size, "--pid %s: the file cannot be written: %s", path, strerror(-result));
        return -1;
    }
    return 0;
}

int pidfile_write(const char *path, char *error, size_t size)
{
    return pidfile_take_over(path, 0, error, size);
}

void pidfile_remove(const char *path)
{
    if (read_pid(path) == getpid())
        unlink(path);
}
