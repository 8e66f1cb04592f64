/* SPDX-License-Identifier: MIT
 * Users and groups: looked up, refused, taken on. What needs root is tried in children and skipped without it. */
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "capabilities.h"
#include "config.h"
#include "ids.h"
#include "sandbox.h"

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

/* Whether the kernel's own list shows one that could be used now or later; the bounding set counts where no program can
 * give any. */
static bool has_any_capability(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[128];
    bool has_any = file == NULL;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        bool counts = strncmp(line, "Cap", 3) == 0 &&
                      (strncmp(line, "CapBnd", 6) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);

        if (counts && strcmp(line + strlen("CapXxx:\t"), "0000000000000000\n") != 0)
            has_any = true;
    }
    if (file != NULL)
        fclose(file);
    return has_any;
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
    if (setuid(0) == 0 || seteuid(0) == 0)
        return 4;
    if (has_any_capability())
        return 5;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == (privileges->forbids_gains ? 1 : 0) ? 0 : 6;
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
    for (int forbids_gains = 0; forbids_gains < 2; forbids_gains++) {
        privileges.forbids_gains = forbids_gains != 0;
        pid = fork();
        if (pid == 0)
            _exit(become(&privileges));
        assert_int_equal(waitpid(pid, &wait_status, 0), pid);
        assert_int_equal(wait_status, 0);
    }
    privileges_fini(&privileges);
}

enum { NOT_POSSIBLE = 77 };

/* Runs what changes the process for good in one of its own, as root. `step` returns 0, which of its steps failed, or
 * NOT_POSSIBLE. */
static void check_in_child(int (*step)(void))
{
    int wait_status;
    pid_t pid;

    if (geteuid() != 0)
        skip();
    pid = fork();
    if (pid == 0)
        _exit(step());
    assert_int_equal(waitpid(pid, &wait_status, 0), pid);
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == NOT_POSSIBLE)
        skip();
    assert_int_equal(wait_status, 0);
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
    (void)state;
    check_in_child(fail_to_become_root);
}

/* In a child: as in a container that grants root nothing. */
static int fail_without_capabilities(void)
{
    struct config config = {.user = "54321", .group = "12345"};
    struct privileges privileges;

    if (capabilities_clear() < 0)
        return 1;
    if (privileges_of_config(&privileges, &config, error, sizeof(error)) == 0)
        return 2;
    privileges_fini(&privileges);
    return strstr(error, "CAP_SETUID") != NULL ? 0 : 3;
}

static void test_a_root_that_may_not_change_users_is_told(void **state)
{
    (void)state;
    check_in_child(fail_without_capabilities);
}

/* As a service manager starts a server of another user's that is to open low ports. */
static int begin_with_ambient_capability(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const unsigned bit = 1U << CAP_NET_BIND_SERVICE;
    struct __user_cap_data_struct sets[2] = {{.effective = bit, .permitted = bit, .inheritable = bit}};

    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setresgid(12345, 12345, 12345) < 0 ||
        setresuid(54321, 54321, 54321) < 0 || syscall(SYS_capset, &header, sets) < 0)
        return -1;
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0);
}

static int lose_ambient_capability(void)
{
    struct privileges privileges;

    if (!capabilities_has(CAP_NET_BIND_SERVICE))
        return NOT_POSSIBLE; /* as in some containers */
    if (begin_with_ambient_capability() < 0 || !capabilities_has(CAP_NET_BIND_SERVICE))
        return 1;
    if (privileges_init(&privileges, NULL, NULL, error, sizeof(error)) < 0 || privileges_drop(&privileges) < 0)
        return 2;
    return has_any_capability() ? 3 : 0;
}

static void test_rights_of_a_service_manager_are_given_up(void **state)
{
    (void)state;
    check_in_child(lose_ambient_capability);
}

static bool forbids_gains(const char *user, int no_new_privs, int sandbox)
{
    struct config config = {.user = user, .group = user, .no_new_privs = no_new_privs, .sandbox = sandbox};
    struct privileges privileges;

    assert_int_equal(privileges_of_config(&privileges, &config, error, sizeof(error)), 0);
    privileges_fini(&privileges);
    return privileges.forbids_gains;
}

static void test_when_programs_may_give_rights(void **state)
{
    (void)state;
    assert_false(forbids_gains(NULL, NO_NEW_PRIVS_AUTO, SANDBOX_OFF));
    assert_true(forbids_gains(NULL, NO_NEW_PRIVS_ON, SANDBOX_OFF));
    assert_true(forbids_gains(NULL, NO_NEW_PRIVS_AUTO, SANDBOX_ON));
    assert_true(forbids_gains(NULL, NO_NEW_PRIVS_AUTO, SANDBOX_BEST_EFFORT));
    assert_false(forbids_gains(NULL, NO_NEW_PRIVS_OFF, SANDBOX_OFF));
    if (geteuid() != 0)
        return;
    assert_false(forbids_gains("0", NO_NEW_PRIVS_AUTO, SANDBOX_OFF));
    assert_true(forbids_gains("54321", NO_NEW_PRIVS_AUTO, SANDBOX_OFF));
    assert_false(forbids_gains("54321", NO_NEW_PRIVS_OFF, SANDBOX_OFF));
}

static void assert_owner(const char *text, uid_t uid, gid_t gid)
{
    uid_t found_uid = 0;
    gid_t found_gid = 0;

    assert_null(ids_find_owner(text, &found_uid, &found_gid));
    assert_int_equal(found_uid, uid);
    assert_int_equal(found_gid, gid);
}

static void test_owners_of_sockets(void **state)
{
    char long_name[400] = {0};
    uid_t uid;
    gid_t gid;

    (void)state;
    assert_owner("54321", 54321, (gid_t)-1);
    assert_owner("54321:12345", 54321, 12345);
    assert_owner(":12345", (uid_t)-1, 12345);
    assert_owner("root:0", 0, 0);
    assert_non_null(ids_find_owner("no-such-user-here", &uid, &gid));
    assert_string_equal(ids_find_owner("0:no-such-group-here", &uid, &gid), "there is no such group");
    assert_non_null(ids_find_owner("0:", &uid, &gid));
    assert_non_null(ids_find_owner("4294967295", &uid, &gid));
    memset(long_name, '1', sizeof(long_name) - 1);
    assert_non_null(ids_find_owner(long_name, &uid, &gid));
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
        cmocka_unit_test(test_a_root_that_may_not_change_users_is_told),
        cmocka_unit_test(test_rights_of_a_service_manager_are_given_up),
        cmocka_unit_test(test_when_programs_may_give_rights),
        cmocka_unit_test(test_owners_of_sockets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
