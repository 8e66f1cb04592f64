/* SPDX-License-Identifier: MIT */
#include "socket_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"

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

/* By descriptor: the path could be a link to something else by now. */
static int give_away(const char *path, const struct socket_file_access *access)
{
    int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;
    int result = 0;

    if (fd < 0 || fstat(fd, &status) < 0)
        result = -errno;
    else if (!S_ISSOCK(status.st_mode))
        result = -ENOTSOCK;
    else if (fchownat(fd, "", access->uid, access->gid, AT_EMPTY_PATH) < 0)
        result = -errno;
    fd_close(&fd);
    return result;
}

int socket_file_bind(int fd, const struct sockaddr_un *address, const struct socket_file_access *access)
{
    bool has_owner = access->uid != (uid_t)-1 || access->gid != (gid_t)-1;
    int result = bind_with_mode(fd, address, access->mode);

    if (result < 0 || !has_owner)
        return result;
    result = give_away(address->sun_path, access);
    if (result < 0)
        unlink(address->sun_path);
    return result;
}
