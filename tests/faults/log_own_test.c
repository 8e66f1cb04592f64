/* SPDX-License-Identifier: MIT
 * What a log is written through, whatever the application makes of descriptors and signals. */
#include "log_reader.h"

#include <sys/wait.h>

/* The application has given SIGPIPE back its meaning: death. `is_foreign`: in a child of its own. */
static void log_deadly(bool is_foreign)
{
    int wait_status;
    pid_t pid;

    close(pipe_fds[0]);
    pid = fork();
    if (pid == 0) {
        sigset_t pending;

        signal(SIGPIPE, SIG_DFL);
        if (is_foreign)
            log_out_let_go();
        log_many(3);
        sigpending(&pending);
        _exit(sigismember(&pending, SIGPIPE));
    }
    assert_int_equal(waitpid(pid, &wait_status, 0), pid);
    assert_int_equal(wait_status, 0);
    pipe_fds[0] = dup(saved_stderr);
}

static void nobody_dies_of_it(void **state)
{
    (void)state;
    log_deadly(false);
}

static void no_child_dies_of_it(void **state)
{
    (void)state;
    log_deadly(true);
}

/* Whoever inherits the pipe (a process of the application's) finds it as it was. */
static void the_pipe_stays_blocking(void **state)
{
    (void)state;
    log_many(1);
    assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}

/* The application has closed all that it does not know. */
static void our_own_descriptor_is_closed(void **state)
{
    int wait_status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        closefrom(STDERR_FILENO + 1);
        log_info("all the same");
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &wait_status, 0), pid);
    (void)read_until("all the same\n");
}

/* And then its number is another's: a client's, who is not to read the log. A child of its own leaves it open. */
static void our_own_number_is_taken(void **state)
{
    int wait_status, others[2];
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        closefrom(STDERR_FILENO + 1);
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, others) < 0)
            _exit(1);
        while (dup(others[1]) < STDERR_FILENO + 20)
            ;
        log_info("all the same");
        if (recv(others[0], received, sizeof(received), MSG_DONTWAIT) >= 0)
            _exit(2);
        log_out_let_go();
        for (int fd = others[0]; fd < STDERR_FILENO + 20; fd++) {
            if (fcntl(fd, F_GETFD) < 0)
                _exit(3);
        }
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &wait_status, 0), pid);
    assert_int_equal(wait_status, 0);
    (void)read_until("all the same\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(nobody_dies_of_it),
        LOG_TEST(no_child_dies_of_it),
        LOG_TEST_WITH(socket, nobody_dies_of_it),
        LOG_TEST(our_own_descriptor_is_closed),
        LOG_TEST_WITH(socket, our_own_descriptor_is_closed),
        LOG_TEST(our_own_number_is_taken),
        LOG_TEST_WITH(socket, our_own_number_is_taken),
        LOG_TEST_WITH(terminal, our_own_number_is_taken),
        LOG_TEST(the_pipe_stays_blocking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
