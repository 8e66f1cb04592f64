/* SPDX-License-Identifier: MIT
 * The file of a unix socket: mode, owner, and what is never touched. What needs root is skipped without it. */
#include "socket_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/socket_file_test.XXXXXX";
static struct sockaddr_un address = {.sun_family = AF_UNIX};

/* Binds a socket at `name`; returns what socket_file_bind does, and the file's state if it is there. */
static int bind_at(const char *name, struct socket_file_access access, struct stat *status)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), result;

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", directory, name);
    result = socket_file_bind(fd, &address, &access);
    memset(status, 0, sizeof(*status));
    (void)lstat(address.sun_path, status);
    close(fd);
    return result;
}

static void test_without_a_mode_the_umask_counts(void **state)
{
    mode_t before = umask(0027);
    struct stat status;

    (void)state;
    assert_int_equal(bind_at("plain", SOCKET_FILE_ACCESS_DEFAULT, &status), 0);
    assert_int_equal(status.st_mode, S_IFSOCK | 0750);
    assert_int_equal(status.st_uid, geteuid());
    assert_int_equal(umask(before), 0027);
}

static void test_the_mode_is_exact(void **state)
{
    static const mode_t modes[] = {0600, 0660, 0666, 0777, 0};
    mode_t before = umask(0077);
    struct stat status;
    char name[16];

    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct socket_file_access access = SOCKET_FILE_ACCESS_DEFAULT;

        access.mode = modes[i];
        snprintf(name, sizeof(name), "mode-%zu", i);
        assert_int_equal(bind_at(name, access, &status), 0);
        assert_int_equal(status.st_mode, S_IFSOCK | modes[i]);
        assert_int_equal(umask(0077), 0077);
    }
    umask(before);
}

static void test_root_gives_it_away(void **state)
{
    struct stat status;

    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(bind_at("given", (struct socket_file_access){.mode = 0660, .uid = 54321, .gid = 12345}, &status),
                     0);
    assert_int_equal(status.st_uid, 54321);
    assert_int_equal(status.st_gid, 12345);
    assert_int_equal(status.st_mode, S_IFSOCK | 0660);
    assert_int_equal(bind_at("group", (struct socket_file_access){.mode = -1, .uid = (uid_t)-1, .gid = 12345}, &status),
                     0);
    assert_int_equal(status.st_uid, 0);
    assert_int_equal(status.st_gid, 12345);
}

static void test_a_refused_owner_leaves_no_file(void **state)
{
    struct stat status;
    int result;

    (void)state;
    if (geteuid() == 0 && (chown(directory, 54321, 54321) < 0 || seteuid(54321) < 0))
        skip();
    result = bind_at("refused", (struct socket_file_access){.mode = -1, .uid = 1, .gid = (gid_t)-1}, &status);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(result, -EPERM);
    assert_int_equal(status.st_mode, 0);
}

/* bind() takes no existing name, be it a link to nowhere. */
static void test_what_is_there_stays(void **state)
{
    char link[128];
    struct stat status;

    (void)state;
    snprintf(link, sizeof(link), "%s/link", directory);
    assert_int_equal(symlink("nowhere", link), 0);
    assert_int_equal(bind_at("link", (struct socket_file_access){.mode = 0666, .uid = 0, .gid = 0}, &status),
                     -EADDRINUSE);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(access(address.sun_path, F_OK), -1);
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static int remove_directory(void **state)
{
    static const char *const names[] = {"plain",  "mode-0", "mode-1", "mode-2", "mode-3",
                                        "mode-4", "given",  "group",  "link"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        (void)unlink(path);
    }
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_mode_the_umask_counts),
        cmocka_unit_test(test_the_mode_is_exact),
        cmocka_unit_test(test_root_gives_it_away),
        cmocka_unit_test(test_a_refused_owner_leaves_no_file),
        cmocka_unit_test(test_what_is_there_stays),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
