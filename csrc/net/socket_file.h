/* SPDX-License-Identifier: MIT
 * The file of a unix socket: its permissions and its owner are right before anybody can connect. */
#ifndef CLUTCH_SOCKET_FILE_H
#define CLUTCH_SOCKET_FILE_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>

#include "attrs.h"

struct socket_file_access {
    int64_t mode; /* permission bits, whatever the umask; -1: as the umask says */
    uid_t uid;    /* (uid_t)-1: who makes it */
    gid_t gid;    /* (gid_t)-1: as the file system says */
};

#define SOCKET_FILE_ACCESS_DEFAULT ((struct socket_file_access){.mode = -1, .uid = (uid_t)-1, .gid = (gid_t)-1})

/* Binds the unix socket `fd`, which does not listen yet, to the address: makes the file, whose state before it was
 * given away is in *file. With CAP_NET_ADMIN no other file is ever changed, even when somebody who may write to the
 * directory puts one there meanwhile; without, none but a socket of this process's user. For a process with one thread
 * (the umask is changed for a moment). Returns 0, or -errno with the file removed; -ESTALE: another one is in its
 * place, and stays. */
int socket_file_bind(int fd, const struct sockaddr_un *, const struct socket_file_access *,
                     struct stat *file) MUST_CHECK;

#endif
