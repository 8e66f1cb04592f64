/* SPDX-License-Identifier: MIT
 * Runs in the only thread of a process just forked, where another thread may have held any lock: it makes system calls
 * and nothing else. The kernel is asked which connections there are, since the server's own lists may have been
 * changing at the moment of the fork. */
#include "fork_guard.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"
#include "handoff.h"
#include "listener.h"
#include "log_out.h"

enum {
    LISTENERS_MOST = 64,
    ENTRIES_BYTES = 4096,
    NUMBERS_TRIED = 1 << 16, /* some milliseconds */
};

/* As getdents64(2) gives it. */
struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short bytes;
    unsigned char type;
    char name[];
};

/* The address of one listener as its connections have it. */
union address {
    struct sockaddr base;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_storage storage;
};

/* Written in the process that may be forked, for the child to read. */
static struct {
    bool is_armed;
    int queue_fds[2];
    size_t home_count;
    union address homes[LISTENERS_MOST];
} guard;

/* Whether a connection at `local` has come by a listener at `home`, which may be a port of all addresses. */
static bool is_of(const union address *local, const union address *home)
{
    if (local->base.sa_family != home->base.sa_family)
        return false;
    if (home->base.sa_family == AF_INET)
        return local->in.sin_port == home->in.sin_port &&
               (home->in.sin_addr.s_addr == htonl(INADDR_ANY) || local->in.sin_addr.s_addr == home->in.sin_addr.s_addr);
    if (home->base.sa_family == AF_INET6)
        return local->in6.sin6_port == home->in6.sin6_port &&
               (IN6_IS_ADDR_UNSPECIFIED(&home->in6.sin6_addr) ||
                IN6_ARE_ADDR_EQUAL(&local->in6.sin6_addr, &home->in6.sin6_addr));
    return home->base.sa_family == AF_UNIX && strcmp(local->un.sun_path, home->un.sun_path) == 0;
}

static bool read_address(int fd, union address *address)
{
    socklen_t len = sizeof(*address);
    int type = 0;
    socklen_t type_len = sizeof(type);

    memset(address, 0, sizeof(*address));
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) == 0 && type == SOCK_STREAM &&
           getsockname(fd, &address->base, &len) == 0;
}

/* The number that a name in /proc/self/fd is; -1 for `.` and `..`. */
static int read_number(const char *name)
{
    int number = 0;

    for (; *name >= '0' && *name <= '9'; name++)
        number = number * 10 + (*name - '0');
    return *name == '\0' ? number : -1;
}

static void close_if_guarded(int fd)
{
    union address local;

    if (fd <= STDERR_FILENO || !read_address(fd, &local))
        return;
    for (size_t i = 0; i < guard.home_count; i++) {
        if (is_of(&local, &guard.homes[i])) {
            close(fd);
            return;
        }
    }
}

/* There is no /proc, or the application has set a limit below what was open already. */
static void close_sockets_by_trying(void)
{
    for (int fd = 0; fd < NUMBERS_TRIED; fd++)
        close_if_guarded(fd);
}

/* The listeners among them, as they are at their own addresses. */
static void close_sockets(void)
{
    _Alignas(struct entry) char entries[ENTRIES_BYTES];
    int directory = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long len;

    if (directory < 0) {
        close_sockets_by_trying();
        return;
    }
    while ((len = syscall(SYS_getdents64, directory, entries, sizeof(entries))) > 0) {
        for (long at = 0; at < len;) {
            const struct entry *entry = (const struct entry *)(const void *)(entries + at);

            close_if_guarded(read_number(entry->name));
            at += entry->bytes;
        }
    }
    fd_close(&directory);
}

static void close_copies(void)
{
    if (!guard.is_armed)
        return;
    guard.is_armed = false;
    /* First: where all descriptors are taken, this makes room for the one that finds the others. */
    fd_close(&guard.queue_fds[0]);
    fd_close(&guard.queue_fds[1]);
    log_out_let_go();
    close_sockets();
}

int fork_guard_arm(const struct inherit *inherit)
{
    static bool is_registered; /* a process has it from its parent */

    guard.home_count = 0;
    for (size_t i = 0; i < inherit->listener_count && guard.home_count < LISTENERS_MOST; i++)
        guard.home_count += (size_t)read_address(inherit->listeners[i].fd, &guard.homes[guard.home_count]);
    guard.queue_fds[0] = inherit->handoff->take_fd;
    guard.queue_fds[1] = inherit->handoff->give_fd;
    guard.is_armed = true;
    if (is_registered)
        return 0;
    is_registered = true;
    return -pthread_atfork(NULL, NULL, close_copies);
}

void fork_guard_disarm(void)
{
    guard.is_armed = false;
}
