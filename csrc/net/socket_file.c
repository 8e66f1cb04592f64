/* SPDX-License-Identifier: MIT */
#include "socket_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"

/* Opens the file that a unix socket is bound to; <linux/un.h> has it, which cannot stand beside <sys/un.h>. */
#ifndef SIOCUNIXFILE
#define SIOCUNIXFILE (SIOCPROTOPRIVATE + 0)
#endif

/* The file gets the mode of the socket, less the umask. */
static int bind_with_mode(int fd, const struct sockaddr_un *address, int64_t mode)
{
    mode_t before = 0;
    int result;

    if (mode >= 0 && fchmod(fd, (mode_t)mode) < 0)
        return -errno;
    if (mode >= 0)
        before = umask(0);
    result = bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : -errno;
    if (mode >= 0)
        umask(before);
    return result;
}

/* The path could lead to something else by now, put there by who may write to the directory. The kernel tells which
 * file the socket has made, for CAP_NET_ADMIN; others have to look at what is at the path. A descriptor that is only
 * good to name the file, or -errno. */
static int open_file(int socket_fd, const char *path, bool *is_certain)
{
    int fd = ioctl(socket_fd, SIOCUNIXFILE);

    *is_certain = fd >= 0;
    if (fd < 0)
        fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 ? fd : errno == ENOENT ? -ESTALE : -errno;
}

/* Nobody else can make a file that is ours, only move one here: another of our sockets, at worst. */
static bool may_be_ours(const struct stat *file)
{
    return S_ISSOCK(file->st_mode) && file->st_uid == geteuid() && file->st_nlink == 1;
}

static int give_away(int fd, const struct socket_file_access *access, bool is_certain, const struct stat *file)
{
    if (access->uid == (uid_t)-1 && access->gid == (gid_t)-1)
        return 0;
    if (!is_certain && !may_be_ours(file))
        return -ESTALE;
    return fchownat(fd, "", access->uid, access->gid, AT_EMPTY_PATH) == 0 ? 0 : -errno;
}

static bool is_at(const struct stat *file, const char *path)
{
    struct stat there;

    return lstat(path, &there) == 0 && there.st_dev == file->st_dev && there.st_ino == file->st_ino;
}

int socket_file_bind(int fd, const struct sockaddr_un *address, const struct socket_file_access *access,
                     struct stat *file)
{
    const char *path = address->sun_path;
    int result = bind_with_mode(fd, address, access->mode);
    bool is_certain;
    int file_fd;

    if (result < 0)
        return result;
    file_fd = open_file(fd, path, &is_certain);
    if (file_fd < 0)
        return file_fd;
    result = fstat(file_fd, file) == 0 ? give_away(file_fd, access, is_certain, file) : -errno;
    fd_close(&file_fd);
    if (!is_at(file, path))
        return -ESTALE;
    if (result < 0 && result != -ESTALE)
        unlink(path);
    return result;
}
