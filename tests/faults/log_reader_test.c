/* SPDX-License-Identifier: MIT
 * The reader of a log's pipe stands still, takes a little, goes on, or goes away: whoever logs goes on. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

static int pipe_fds[2], saved_stderr;

/* Standard error becomes a pipe, which is filled as the server would fill it. */
static int set_up(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    log_init(LOG_LEVEL_INFO);
    saved_stderr = dup(STDERR_FILENO);
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    assert_int_equal(dup2(pipe_fds[1], STDERR_FILENO), STDERR_FILENO);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(dup2(saved_stderr, STDERR_FILENO), STDERR_FILENO);
    close(saved_stderr);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    return 0;
}

static char received[1 << 21];

/* Everything that is in the pipe now, as a string. */
static const char *read_all(void)
{
    size_t len = 0;
    ssize_t got;

    fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
    while ((got = read(pipe_fds[0], received + len, sizeof(received) - 1 - len)) > 0)
        len += (size_t)got;
    received[len] = '\0';
    return received;
}

static int64_t log_many(int count)
{
    int64_t began_us = clock_now_us();

    for (int i = 0; i < count; i++)
        log_info("line %d of many, with some words so that the pipe is full soon", i);
    return clock_now_us() - began_us;
}

static unsigned count_of(const char *text, const char *word)
{
    unsigned count = 0;

    while ((text = strstr(text, word)) != NULL) {
        text++;
        count++;
    }
    return count;
}

static void a_reader_that_stands_still(void **state)
{
    enum { MANY = 5000 };
    unsigned kept, lost;
    const char *told;

    (void)state;
    assert_in_range(log_many(MANY), 500000, 10000000); /* it is waited for, once */
    assert_in_range(log_many(MANY), 0, 500000);
    kept = count_of(read_all(), " of many");
    assert_in_range(kept, 100, MANY);
    log_info("room again");
    told = read_all();
    assert_non_null(strstr(told, "room again\n"));
    told = strstr(told, "[warning] master: ");
    assert_non_null(told);
    assert_int_equal(sscanf(told, "[warning] master: %u lines were lost: the reader of standard error stood", &lost),
                     1);
    assert_int_equal(kept + lost, 2 * MANY);
    log_info("again");
    assert_null(strstr(read_all(), "lost")); /* told once */
}

/* A line that is larger than what is left finds no room, or only for its beginning: the next one is on its own. */
static void a_line_that_fits_in_part(void **state)
{
    static char line[100001];
    const char *text;

    (void)state;
    memset(line, 'x', sizeof(line) - 2);
    line[sizeof(line) - 2] = '\n';
    log_write_lines(STDERR_FILENO, slice_of(line, sizeof(line) - 1));
    text = read_all();
    assert_in_range(strspn(text, "x"), 4096, sizeof(line) - 3);
    assert_string_equal(text + strspn(text, "x"), "");
    log_info("the next");
    text = read_all();
    assert_int_equal(text[0], '\n');
    assert_int_equal(text[1], '[');
    assert_non_null(strstr(text, "1 line was lost"));
}

static void a_reader_that_has_gone(void **state)
{
    (void)state;
    close(pipe_fds[0]);
    assert_in_range(log_many(5000), 0, 500000);
    pipe_fds[0] = dup(saved_stderr);
}

/* Whoever inherits the pipe (a process of the application's) finds it as it was. */
static void the_pipe_stays_blocking(void **state)
{
    (void)state;
    log_many(1);
    assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}

static void a_process_that_dies_with_the_lock(void **state)
{
    static char lines[200001];
    int wait_status;
    pid_t pid;

    (void)state;
    memset(lines, 'y', sizeof(lines) - 1);
    pid = fork();
    if (pid == 0) {
        log_write_lines(STDERR_FILENO, slice_of(lines, sizeof(lines) - 1)); /* waits for room, with the lock */
        _exit(0);
    }
    fcntl(pipe_fds[0], F_SETFL, 0);
    assert_int_equal(read(pipe_fds[0], received, 1), 1); /* it has begun to write */
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &wait_status, 0), pid);
    read_all();
    assert_in_range(log_many(1), 0, 500000);
    assert_non_null(strstr(read_all(), "line 0 of many"));
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(a_reader_that_has_gone),
        LOG_TEST(the_pipe_stays_blocking),
        LOG_TEST(a_process_that_dies_with_the_lock),
        LOG_TEST(a_reader_that_stands_still),
        LOG_TEST(a_line_that_fits_in_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
