/* SPDX-License-Identifier: MIT */
#include "directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "fd.h"
#include "launch.h"
#include "log.h"

static int open_at(int base_fd, const char *path)
{
    return openat(base_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int directory_open(const struct config *config, const struct launch *launch)
{
    const char *start = launch != NULL ? launch->directory : NULL;
    int start_fd = start != NULL ? open_at(AT_FDCWD, start) : -1, fd;

    if (config->chdir == NULL || (start_fd < 0 && config->chdir[0] != '/')) {
        fd = start_fd >= 0 ? start_fd : open_at(AT_FDCWD, ".");
        return fd >= 0 ? fd : -errno;
    }
    fd = open_at(start_fd, config->chdir);
    if (fd < 0)
        fd = -errno;
    fd_close(&start_fd);
    return fd;
}

void directory_enter(int fd)
{
    if (fd < 0 || fchdir(fd) == 0)
        return;
    log_critical("the directory that the application runs in (--chdir) cannot be entered: %s", strerror(errno));
    exit(EXIT_FAILURE);
}
