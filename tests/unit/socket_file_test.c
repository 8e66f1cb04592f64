/* SPDX-License-Identifier: MIT
 * The file of a unix socket: mode, owner, and what is never touched. What needs root is skipped without it. */
#include "socket_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
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
static struct stat made; /* as socket_file_bind says */

/* What somebody who may write to the directory does right after the file was made, or NULL. */
static void (*interfere)(void);
static bool hides_files; /* the kernel tells no file of a socket, as without CAP_NET_ADMIN */

int __real_bind(int fd, const struct sockaddr *, socklen_t);
int __wrap_bind(int fd, const struct sockaddr *where, socklen_t len);
int __real_ioctl(int fd, unsigned long request);
int __wrap_ioctl(int fd, unsigned long request);

int __wrap_bind(int fd, const struct sockaddr *where, socklen_t len)
{
    int result = __real_bind(fd, where, len);

    if (interfere != NULL)
        interfere();
    return result;
}

int __wrap_ioctl(int fd, unsigned long request)
{
    if (!hides_files)
        return __real_ioctl(fd, request);
    errno = EPERM;
    return -1;
}

/* Binds a socket at `name`; returns what socket_file_bind does, and the file's state if it is there. */
static int bind_at(const char *name, struct socket_file_access access, struct stat *status)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), result;

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", directory, name);
    result = socket_file_bind(fd, &address, &access, &made);
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

/* Where the tests of replaced sockets keep theirs. */
static const char *beside(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

/* Leaves a socket of this process's user at `path`. */
static void put_socket(const char *path)
{
    struct sockaddr_un other = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(other.sun_path, sizeof(other.sun_path), "%s", path);
    assert_int_equal(__real_bind(fd, (struct sockaddr *)&other, sizeof(other)), 0);
    close(fd);
}

static void replace_by_socket(void)
{
    assert_int_equal(unlink(address.sun_path), 0);
    put_socket(address.sun_path);
}

static void replace_by_link(void)
{
    assert_int_equal(unlink(address.sun_path), 0);
    assert_int_equal(symlink(beside("target"), address.sun_path), 0);
}

static void replace_by_strangers_socket(void)
{
    replace_by_socket();
    assert_int_equal(lchown(address.sun_path, 1, 1), 0);
}

/* One that has another name too, and so was not made by bind(). */
static void replace_by_linked_socket(void)
{
    replace_by_socket();
    (void)unlink(beside("target"));
    assert_int_equal(link(address.sun_path, beside("target")), 0);
}

static void take_away(void)
{
    assert_int_equal(unlink(address.sun_path), 0);
}

/* Binds while `what` happens: refused, and what is there then keeps its owner. */
static void assert_not_given_away(void (*what)(void), bool is_hidden)
{
    const struct socket_file_access access = {.mode = 0660, .uid = 54321, .gid = 12345};
    struct stat status;
    int result;

    interfere = what;
    hides_files = is_hidden;
    result = bind_at("replaced", access, &status);
    interfere = NULL;
    hides_files = false;
    (void)unlink(address.sun_path);
    (void)unlink(beside("target"));
    assert_int_equal(result, -ESTALE);
    assert_int_not_equal(status.st_uid, 54321);
    assert_int_not_equal(status.st_gid, 12345);
}

static void test_only_the_file_that_was_made_is_given_away(void **state)
{
    static void (*const deeds[])(void) = {replace_by_link, replace_by_strangers_socket, replace_by_linked_socket,
                                          take_away};

    (void)state;
    if (geteuid() != 0)
        skip();
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
        assert_not_given_away(deeds[i], false);
        assert_not_given_away(deeds[i], true);
    }
}

/* For this the kernel has to say which file is the socket's. */
static void test_not_even_another_socket_of_ours(void **state)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool tells = __real_ioctl(fd, SIOCPROTOPRIVATE) >= 0 || errno == ENOENT;

    (void)state;
    close(fd);
    if (!tells || geteuid() != 0) {
        print_message("the kernel does not tell this process the file of a socket\n");
        skip();
    }
    assert_not_given_away(replace_by_socket, false);
}

/* The caller learns the file that was made; what came later is not taken for it. */
static void test_the_file_is_known(void **state)
{
    struct stat status;

    (void)state;
    assert_int_equal(bind_at("known", SOCKET_FILE_ACCESS_DEFAULT, &status), 0);
    assert_int_equal(made.st_ino, status.st_ino);
    assert_int_equal(made.st_dev, status.st_dev);
    interfere = take_away;
    assert_int_equal(bind_at("gone", SOCKET_FILE_ACCESS_DEFAULT, &status), -ESTALE);
    interfere = NULL;
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static int remove_directory(void **state)
{
    static const char *const names[] = {"plain",  "mode-0", "mode-1", "mode-2", "mode-3",
                                        "mode-4", "given",  "group",  "link",   "known"};
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
        cmocka_unit_test(test_only_the_file_that_was_made_is_given_away),
        cmocka_unit_test(test_not_even_another_socket_of_ours),
        cmocka_unit_test(test_the_file_is_known),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
