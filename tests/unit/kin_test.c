/* SPDX-License-Identifier: MIT
 * Whose child a process is: a child, its child, strangers, the dead. */
#include "kin.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* In a child: forks another one, tells its pid, and waits until it is killed. */
static void have_a_child(int tell_fd)
{
    pid_t pid;

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* after a test that has failed */
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, "a) S 1 (b"); /* what looks like a parent is part of a name */
        pid = getpid();
        (void)!write(tell_fd, &pid, sizeof(pid));
    }
    for (;;)
        pause();
}

struct family {
    pid_t child, grandchild;
};

static struct family begin_family(void)
{
    struct family family;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    family.child = fork();
    if (family.child == 0)
        have_a_child(ends[1]);
    assert_int_equal(read(ends[0], &family.grandchild, sizeof(family.grandchild)), sizeof(family.grandchild));
    close(ends[0]);
    close(ends[1]);
    return family;
}

static void end_family(struct family family)
{
    kill(family.grandchild, SIGKILL);
    kill(family.child, SIGKILL);
    assert_int_equal(waitpid(family.child, NULL, 0), family.child);
}

static void test_children_and_theirs(void **state)
{
    struct family family = begin_family();

    (void)state;
    assert_true(kin_is_descendant(family.child));
    assert_true(kin_is_descendant(family.grandchild));
    end_family(family);
    assert_false(kin_is_descendant(family.child));
}

static void test_the_dead_until_they_are_reaped(void **state)
{
    siginfo_t info;
    pid_t child = fork();

    (void)state;
    if (child == 0)
        _exit(0);
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_true(kin_is_descendant(child));
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_false(kin_is_descendant(child));
}

/* Nothing is said of it then that may be wrong. */
static void test_without_a_free_descriptor(void **state)
{
    struct rlimit limit, none;
    struct family family = begin_family();
    int pid_fd;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(kin_take_hold(family.grandchild, &pid_fd), KIN_UNTOLD);
    assert_int_equal(pid_fd, -1);
    assert_int_equal(kin_take_hold(family.child, &pid_fd), KIN_OURS);
    assert_int_equal(pid_fd, -1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(kin_take_hold(family.grandchild, &pid_fd), KIN_OURS);
    assert_int_equal(kin_take_hold(getppid(), &pid_fd), KIN_STRANGER);
    end_family(family);
}

static void test_strangers(void **state)
{
    (void)state;
    assert_false(kin_is_descendant(0));
    assert_false(kin_is_descendant(-1));
    assert_false(kin_is_descendant(1));
    assert_false(kin_is_descendant(getpid()));
    assert_false(kin_is_descendant(getppid()));
    assert_false(kin_is_descendant(INT32_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_children_and_theirs),
        cmocka_unit_test(test_the_dead_until_they_are_reaped),
        cmocka_unit_test(test_without_a_free_descriptor),
        cmocka_unit_test(test_strangers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
