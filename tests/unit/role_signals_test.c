/* SPDX-License-Identifier: MIT
 * Signals as each process of the server takes them. Every case runs in a child of its own. */
#include "role_signals.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs `body` in a child; its wait status. */
static int run(int (*body)(void))
{
    int wait_status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(body());
    assert_int_equal(waitpid(pid, &wait_status, 0), pid);
    return wait_status;
}

static void assert_exits(int (*body)(void), int status)
{
    int wait_status = run(body);

    assert_true(WIFEXITED(wait_status));
    assert_int_equal(WEXITSTATUS(wait_status), status);
}

static int master_reads_signals(void)
{
    int fd;

    /* As a careless parent may leave them. */
    signal(SIGCHLD, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    fd = role_signals_open();
    if (fd < 0 || role_signals_next(fd) != 0)
        return 1;
    raise(SIGTERM);
    if (role_signals_next(fd) != SIGTERM || role_signals_next(fd) != 0)
        return 2;
    raise(SIGHUP);
    raise(SIGTTIN);
    raise(SIGTTOU);
    raise(SIGUSR2);
    if (role_signals_next(fd) != SIGHUP || role_signals_next(fd) != SIGUSR2 || role_signals_next(fd) != SIGTTIN ||
        role_signals_next(fd) != SIGTTOU)
        return 6;
    raise(SIGUSR1);
    if (role_signals_next(fd) != SIGUSR1)
        return 8;
    raise(SIGWINCH);
    raise(SIGPIPE);
    if (role_signals_next(fd) != 0)
        return 3;
    if (fork() == 0)
        _exit(7);
    poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
    if (role_signals_next(fd) != SIGCHLD)
        return 4;
    return wait(NULL) > 0 ? 0 : 5;
}

static void test_master(void **state)
{
    (void)state;
    assert_exits(master_reads_signals, 0);
}

static int loading_ends_at_once(void)
{
    int fd = role_signals_open();

    role_signals_become_child();
    close(fd);
    raise(SIGTERM);
    return 0;
}

static int what_came_before_is_delivered(void)
{
    int fd = role_signals_open();

    /* Blocked in the child still, as it is between fork and its first step. */
    raise(SIGINT);
    role_signals_become_child();
    close(fd);
    return 0;
}

static int loading_ignores_habits(void)
{
    sigset_t mask;

    if (role_signals_open() < 0)
        return 1;
    role_signals_become_child();
    raise(SIGHUP);
    raise(SIGUSR1);
    raise(SIGUSR2);
    raise(SIGPIPE);
    raise(SIGXFSZ);
    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int number = 1; number < 32; number++) {
        if (sigismember(&mask, number))
            return 2;
    }
    return 0;
}

static void test_loading(void **state)
{
    (void)state;
    assert_exits(loading_ends_at_once, 128 + SIGTERM);
    assert_exits(what_came_before_is_delivered, 128 + SIGINT);
    assert_exits(loading_ignores_habits, 0);
}

static int zygote_leaves_int_to_the_master(void)
{
    role_signals_become_child();
    role_signals_become_zygote();
    raise(SIGINT);
    raise(SIGTERM);
    return 0;
}

static void test_zygote(void **state)
{
    (void)state;
    assert_exits(zygote_leaves_int_to_the_master, 128 + SIGTERM);
}

static int is_readable(int fd)
{
    return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) == 1;
}

static int worker_is_told_once(void)
{
    int fd;

    role_signals_become_child();
    role_signals_become_zygote();
    fd = role_signals_become_worker();
    if (fd < 0 || is_readable(fd))
        return 1;
    raise(SIGINT);
    if (!is_readable(fd))
        return 2;
    raise(SIGTERM);
    return 0;
}

static int worker_quits_at_once(void)
{
    role_signals_become_child();
    if (role_signals_become_worker() < 0)
        return 1;
    raise(SIGQUIT);
    return 0;
}

/* As multiprocessing ends its processes: by SIGTERM to a fork of the worker. */
static int a_fork_of_the_application_dies_alone(void)
{
    int fd, wait_status;
    pid_t pid;

    role_signals_become_child();
    fd = role_signals_become_worker();
    pid = fork();
    if (pid == 0) {
        raise(SIGTERM);
        _exit(0);
    }
    if (waitpid(pid, &wait_status, 0) != pid || !WIFSIGNALED(wait_status) || WTERMSIG(wait_status) != SIGTERM)
        return 1;
    return is_readable(fd) ? 2 : 0;
}

/* What a program started by the application inherits. */
static int nothing_pointless_is_ignored(void)
{
    static const int signals[] = {SIGHUP, SIGUSR1, SIGUSR2};
    struct sigaction action;

    if (role_signals_open() < 0)
        return 1;
    role_signals_become_child();
    for (size_t i = 0; i < 3; i++) {
        if (sigaction(signals[i], NULL, &action) < 0 || action.sa_handler == SIG_IGN || action.sa_handler == SIG_DFL)
            return 2;
    }
    return 0;
}

static void test_forks_of_the_application(void **state)
{
    (void)state;
    assert_exits(a_fork_of_the_application_dies_alone, 0);
    assert_exits(nothing_pointless_is_ignored, 0);
}

static void test_worker(void **state)
{
    (void)state;
    assert_exits(worker_is_told_once, 128 + SIGTERM);
    assert_exits(worker_quits_at_once, 128 + SIGQUIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_master),
        cmocka_unit_test(test_loading),
        cmocka_unit_test(test_zygote),
        cmocka_unit_test(test_worker),
        cmocka_unit_test(test_forks_of_the_application),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
