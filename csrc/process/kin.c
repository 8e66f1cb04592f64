/* SPDX-License-Identifier: MIT */
#include "kin.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"

enum {
    DEPTH_MOST = 64,
    STAT_BYTES = 512, /* enough for the beginning of /proc/PID/stat */
    LOOKS = 3,        /* a process between us and it may end while we look: then it has another parent */
};

bool kin_is_child(pid_t pid)
{
    siginfo_t info;

    /* Does not reap it. */
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* 0 when it cannot be told. */
static pid_t parent_of(pid_t pid)
{
    char path[32], text[STAT_BYTES];
    const char *behind_name;
    int fd, parent = 0;
    ssize_t len;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    len = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    fd_close(&fd);
    if (len <= 0)
        return 0;
    text[len] = '\0';
    /* The name before it is the process's own choice, and may hold brackets and blanks. */
    behind_name = strrchr(text, ')');
    if (behind_name == NULL || sscanf(behind_name, ") %*c %d", &parent) != 1)
        return 0;
    return parent;
}

static bool leads_to_us(pid_t pid)
{
    for (int depth = 0; depth < DEPTH_MOST && pid > 1; depth++) {
        pid = parent_of(pid);
        if (pid == getpid())
            return true;
    }
    return false;
}

bool kin_is_descendant(pid_t pid)
{
    if (pid <= 1 || pid == getpid())
        return false;
    for (int look = 0; look < LOOKS; look++) {
        if (kin_is_child(pid) || leads_to_us(pid))
            return true;
    }
    return false;
}

/* False without /proc, or when no descriptor is free. */
static bool can_look(void)
{
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    bool result = fd >= 0;

    fd_close(&fd);
    return result;
}

enum kin kin_take_hold(pid_t pid, int *pid_fd)
{
    *pid_fd = -1;
    if (pid <= 1)
        return KIN_STRANGER;
    *pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    /* There is none, or it is a thread. Anything else says something about us: an old kernel, no descriptor left. */
    if (*pid_fd < 0 && (errno == ESRCH || errno == EINVAL || errno == ENOENT))
        return KIN_STRANGER;
    /* After the descriptor: should the process have gone in between and its pid be another's, it is the dead one that
     * we hold. */
    if (kin_is_descendant(pid))
        return KIN_OURS;
    fd_close(pid_fd);
    /* Once more: there may have been no descriptor left to look with. */
    return kin_is_descendant(pid) || !can_look() ? KIN_UNTOLD : KIN_STRANGER;
}

int kin_signal(pid_t pid, int pid_fd, int signal_number)
{
    if (pid_fd >= 0) {
        if (syscall(SYS_pidfd_send_signal, pid_fd, signal_number, NULL, 0) == 0)
            return 0;
        /* A kernel before 5.3, or a container that does not know the call. */
        if (errno != ENOSYS && errno != EPERM)
            return -errno;
    }
    if (!kin_is_descendant(pid))
        return -ESRCH;
    return kill(pid, signal_number) == 0 ? 0 : -errno;
}
