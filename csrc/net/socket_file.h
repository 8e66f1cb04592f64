/* SPDX-License-Identifier: MIT
 * The file of a unix socket: its permissions and its owner are right before anybody can connect. */
#ifndef CLUTCH_SOCKET_FILE_H
#define CLUTCH_SOCKET_FILE_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include "attrs.h"

struct socket_file_access {
    int64_t mode; /* permission bits, whatever the umask; -1: as the umask says */
    uid_t uid;    /* (uid_t)-1: who makes it */
    gid_t gid;    /* (gid_t)-1: as the file system says */
};

#define SOCKET_FILE_ACCESS_DEFAULT ((struct socket_file_access){.mode = -1, .uid = (uid_t)-1, .gid = (gid_t)-1})

/* Binds the unix socket `fd`, which does not listen yet, to the address: makes the file. Never changes another file,
 * even when somebody who may write to the directory puts one there meanwhile. For a process with one thread (the umask
 * is changed for a moment). Returns 0, or -errno with the file removed. */
int socket_file_bind(int fd, const struct sockaddr_un *, const struct socket_file_access *) MUST_CHECK;

#endif
