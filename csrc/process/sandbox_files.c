/* SPDX-License-Identifier: MIT */
#include "sandbox_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"

/* The kernel's names for all this are in <linux/landlock.h>; but the machine that builds may have older ones than the
 * machine that runs. The numbers are the same on every processor. */
enum { CALL_CREATE_RULESET = 444, CALL_ADD_RULE = 445, CALL_RESTRICT_SELF = 446 };
enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };

enum {
    FS_EXECUTE = 1 << 0,
    FS_WRITE_FILE = 1 << 1,
    FS_REMOVE_DIR = 1 << 4,
    FS_REMOVE_FILE = 1 << 5,
    FS_MAKE_CHAR = 1 << 6,
    FS_MAKE_DIR = 1 << 7,
    FS_MAKE_REG = 1 << 8,
    FS_MAKE_SOCK = 1 << 9,
    FS_MAKE_FIFO = 1 << 10,
    FS_MAKE_BLOCK = 1 << 11,
    FS_MAKE_SYM = 1 << 12,
    FS_REFER = 1 << 13,
    FS_TRUNCATE = 1 << 14,
    FS_IOCTL_DEV = 1 << 15,
};
enum { NET_BIND_TCP = 1 << 0 };
enum { SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0, SCOPE_SIGNAL = 1 << 1 };

struct ruleset {
    uint64_t handled_fs;
    uint64_t handled_net;
    uint64_t scoped;
};

static uint64_t scopes(int abi)
{
    return abi >= LANDLOCK_SCOPES ? SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL : 0;
}

/* A kernel takes a longer set than it knows as long as the rest is zero. A descriptor, or -errno. */
static int create(const struct ruleset *ruleset)
{
    long fd = syscall(CALL_CREATE_RULESET, ruleset, sizeof(*ruleset), 0);

    return fd >= 0 ? (int)fd : -errno;
}

struct path_beneath {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed));

int sandbox_files_abi(void)
{
    long abi = syscall(CALL_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);

    return abi > 0 ? (int)abi : 0;
}

/* What may be done to a file by who may write to it. */
static uint64_t file_rights(int abi)
{
    return FS_WRITE_FILE | (abi >= LANDLOCK_TRUNCATE ? FS_TRUNCATE : 0) | (abi >= LANDLOCK_DEVICES ? FS_IOCTL_DEV : 0);
}

/* And in a directory. Device files are for nobody. */
static uint64_t directory_rights(int abi)
{
    return file_rights(abi) | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_MAKE_SOCK | FS_MAKE_FIFO |
           FS_MAKE_SYM | (abi >= LANDLOCK_RENAMES ? FS_REFER : 0);
}

int sandbox_files_open(int abi)
{
    const struct ruleset ruleset = {
        .handled_fs = directory_rights(abi) | FS_EXECUTE | FS_MAKE_CHAR | FS_MAKE_BLOCK,
        .handled_net = abi >= LANDLOCK_TCP ? NET_BIND_TCP : 0,
        .scoped = scopes(abi),
    };

    return create(&ruleset);
}

static int allow(int fd, const char *path, uint64_t for_files, uint64_t for_directories)
{
    struct path_beneath rule = {.allowed = for_directories, .parent_fd = open(path, O_PATH | O_CLOEXEC)};
    struct stat status;
    int place = rule.parent_fd, result;

    if (place < 0)
        return -errno;
    if (fstat(place, &status) == 0 && !S_ISDIR(status.st_mode))
        rule.allowed = for_files;
    result = syscall(CALL_ADD_RULE, fd, RULE_PATH_BENEATH, &rule, 0) == 0 ? 0 : -errno;
    fd_close(&place);
    return result;
}

int sandbox_files_allow_writing(int fd, int abi, const char *path)
{
    return allow(fd, path, file_rights(abi), directory_rights(abi));
}

int sandbox_files_allow_executing(int fd, const char *path)
{
    return allow(fd, path, FS_EXECUTE, FS_EXECUTE);
}

int sandbox_files_enter(int fd)
{
    return syscall(CALL_RESTRICT_SELF, fd, 0) == 0 ? 0 : -errno;
}

/* The set has to refuse something: device files, which nobody may make as it is. And from Landlock ABI 2 on each set
 * refuses to rename from one directory to another, named there or not, unless a rule allows it: the first set decides
 * on that. */
int sandbox_files_separate(int abi)
{
    const bool refuses_renames = abi >= LANDLOCK_RENAMES;
    const struct ruleset ruleset = {
        .handled_fs = FS_MAKE_CHAR | FS_MAKE_BLOCK | (refuses_renames ? FS_REFER : 0),
        .scoped = scopes(abi),
    };
    int fd = create(&ruleset);
    int result = fd < 0 ? fd : 0;

    if (result == 0 && refuses_renames)
        result = allow(fd, "/", FS_REFER, FS_REFER);
    if (result == 0)
        result = sandbox_files_enter(fd);
    fd_close(&fd);
    return result;
}
