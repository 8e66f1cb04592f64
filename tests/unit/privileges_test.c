/* SPDX-License-Identifier: MIT
 * Users and groups: looked up, refused, taken on. What needs root is tried in children and skipped without it. */
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char error[256];

static void assert_refused(const char *user, const char *group, const char *reason)
{
    struct privileges privileges;

    assert_int_equal(privileges_init(&privileges, user, group, error, sizeof(error)), -1);
    if (strstr(error, reason) == NULL)
        fail_msg("'%s' does not say '%s'", error, reason);
    privileges_fini(&privileges);
}

static void test_nothing_asked_nothing_changed(void **state)
{
    struct privileges privileges;

    (void)state;
    assert_int_equal(privileges_init(&privileges, NULL, NULL, error, sizeof(error)), 0);
    assert_false(privileges.has_user);
    assert_false(privileges.has_group);
    assert_true(privileges_are_allowed(&privileges));
    assert_int_equal(privileges_drop(&privileges), 0);
    privileges_fini(&privileges);
}

static void test_names_and_numbers_mean_the_same(void **state)
{
    struct privileges by_name, by_number;
    const struct passwd *entry = getpwnam("nobody");
    char number[32];
    uid_t uid;
    gid_t gid;

    (void)state;
    if (entry == NULL)
        skip();
    uid = entry->pw_uid;
    gid = entry->pw_gid;
    snprintf(number, sizeof(number), "%u", (unsigned)uid);
    assert_int_equal(privileges_init(&by_name, "nobody", NULL, error, sizeof(error)), 0);
    assert_int_equal(privileges_init(&by_number, number, NULL, error, sizeof(error)), 0);
    assert_true(by_name.has_user && by_name.has_group);
    assert_int_equal(by_name.uid, uid);
    assert_int_equal(by_name.gid, gid);
    assert_int_equal(by_number.uid, uid);
    assert_int_equal(by_number.gid, gid);
    assert_int_equal(by_number.group_count, by_name.group_count);
    assert_true(by_name.group_count >= 1);
    privileges_fini(&by_name);
    privileges_fini(&by_number);
}

static void test_a_group_may_be_given_alone_and_wins(void **state)
{
    struct privileges privileges;

    (void)state;
    assert_int_equal(privileges_init(&privileges, NULL, "12345", error, sizeof(error)), 0);
    assert_false(privileges.has_user);
    assert_int_equal(privileges.gid, 12345);
    assert_int_equal(privileges.group_count, 1);
    assert_int_equal(privileges.groups[0], 12345);
    privileges_fini(&privileges);
    assert_int_equal(privileges_init(&privileges, "54321", "12345", error, sizeof(error)), 0);
    assert_int_equal(privileges.uid, 54321);
    assert_int_equal(privileges.gid, 12345);
    privileges_fini(&privileges);
}

static void test_wrong_values_are_named(void **state)
{
    (void)state;
    assert_refused("no-such-user-here", NULL, "--user no-such-user-here: there is no such user");
    assert_refused("", NULL, "there is no such user");
    assert_refused("-1", NULL, "there is no such user");
    assert_refused("4294967295", NULL, "there is no such user");
    assert_refused(NULL, "no-such-group-here", "--group no-such-group-here: there is no such group");
    if (getpwuid(54321) == NULL)
        assert_refused("54321", NULL, "say it with --group");
}

/* 0 when the child ended up as exactly that user, and cannot get back. */
static int become(const struct privileges *privileges)
{
    gid_t groups[8];

    if (privileges_drop(privileges) < 0)
        return 1;
    if (getuid() != 54321 || geteuid() != 54321 || getgid() != 12345 || getegid() != 12345)
        return 2;
    if (getgroups(8, groups) != 1 || groups[0] != 12345)
        return 3;
    return setuid(0) == 0 || seteuid(0) == 0 ? 4 : 0;
}

static void test_root_can_drop_for_good(void **state)
{
    struct privileges privileges;
    int wait_status;
    pid_t pid;

    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(privileges_init(&privileges, "54321", "12345", error, sizeof(error)), 0);
    assert_true(privileges_are_allowed(&privileges));
    pid = fork();
    if (pid == 0)
        _exit(become(&privileges));
    assert_int_equal(waitpid(pid, &wait_status, 0), pid);
    assert_int_equal(wait_status, 0);
    privileges_fini(&privileges);
}

static int fail_to_become_root(void)
{
    struct privileges privileges;

    if (setresgid(12345, 12345, 12345) < 0 || setresuid(54321, 54321, 54321) < 0)
        return 1;
    if (privileges_init(&privileges, "0", "0", error, sizeof(error)) < 0 || privileges_are_allowed(&privileges))
        return 2;
    return privileges_drop(&privileges) == -EPERM ? 0 : 3;
}

static void test_others_cannot(void **state)
{
    int wait_status;
    pid_t pid;

    (void)state;
    if (geteuid() != 0)
        skip();
    pid = fork();
    if (pid == 0)
        _exit(fail_to_become_root());
    assert_int_equal(waitpid(pid, &wait_status, 0), pid);
    assert_int_equal(wait_status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_asked_nothing_changed),
        cmocka_unit_test(test_names_and_numbers_mean_the_same),
        cmocka_unit_test(test_a_group_may_be_given_alone_and_wins),
        cmocka_unit_test(test_wrong_values_are_named),
        cmocka_unit_test(test_root_can_drop_for_good),
        cmocka_unit_test(test_others_cannot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
