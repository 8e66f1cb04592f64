/* SPDX-License-Identifier: MIT
 * The reader of a log stands still, takes a little, goes on, or goes away: whoever logs goes on. */
#include "log_reader.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "clock.h"
#include "log_reader_others.h"

/* A named one: the kernel has no RWF_NOWAIT for it. */
static int set_up_fifo(void **state)
{
    char path[] = "/tmp/log-reader-XXXXXX", name[64];

    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(name, sizeof(name), "%s/fifo", path);
    assert_int_equal(mkfifo(name, 0600), 0);
    pipe_fds[0] = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    pipe_fds[1] = open(name, O_WRONLY | O_CLOEXEC);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(rmdir(path), 0);
    return use_pipe_fds();
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

/* A reader is waited for as long as log.h says: a second, and a tenth of the time. */
static void assert_patience(void)
{
    assert_in_range(waited_us, 0, 1000000 + (clock_now_us() - opened_us) / 10 + 2000);
}

/* Fills standard error, and says how much of it all was kept. */
static unsigned fill(int count)
{
    log_many(2 * count);
    assert_patience();
    return count_of(read_all(), " of many");
}

static unsigned told_lost(const char *text)
{
    unsigned lost = 0;

    text = strstr(text, "[warning] master: ");
    assert_non_null(text);
    assert_int_equal(sscanf(text, "[warning] master: %u lines were lost: the reader of standard error stood", &lost),
                     1);
    return lost;
}

static int64_t told_after_us; /* that was told later than this */

/* Logs until it is told of what was lost, which is once a second. */
static unsigned wait_until_told(void)
{
    const char *text;

    do {
        told_after_us = clock_now_us();
        log_info("room again");
        text = read_all();
    } while (strstr(text, "lost") == NULL && __real_poll(NULL, 0, 5) == 0);
    return told_lost(text);
}

static void losses_are_told_of_once_a_second(void **state)
{
    enum { MANY = 5000 };
    unsigned kept, lost;
    int64_t first_us;

    (void)state;
    kept = fill(MANY);
    assert_int_equal(kept + wait_until_told(), 2 * MANY);
    first_us = told_after_us;
    kept = fill(MANY);
    log_info("room again");
    lost = count_of(read_all(), " lost: ");
    if (clock_now_us() - first_us < 900000) /* the machine was fast enough */
        assert_int_equal(lost, 0);
    if (lost == 0) {
        assert_int_equal(kept + wait_until_told(), 2 * MANY);
        assert_true(clock_now_us() - first_us >= 1000000);
    }
}

/* As journald gives it to a service. */
static void a_socket_whose_reader_stands_still(void **state)
{
    enum { MANY = 5000 };
    unsigned kept = fill(MANY), lost;

    (void)state;
    assert_in_range(kept, 100, MANY);
    log_info("room again");
    lost = told_lost(read_all());
    assert_int_equal(kept + lost, 2 * MANY);
    assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}

/* ^S */
static void a_terminal_that_is_stopped(void **state)
{
    enum { MANY = 5000 };
    unsigned kept;

    (void)state;
    assert_int_equal(tcflow(pipe_fds[1], TCOOFF), 0);
    kept = fill(MANY);
    assert_int_equal(kept, 0);
    assert_int_equal(tcflow(pipe_fds[1], TCOON), 0);
    log_info("room again");
    assert_int_equal(told_lost(read_until(" stood")), 2 * MANY);
    assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}

static void a_reader_that_has_hung_up(void **state)
{
    (void)state;
    close(pipe_fds[0]);
    log_many(100);
    assert_int_equal(waited_us, 0);
    pipe_fds[0] = dup(saved_stderr);
}

/* What a line would have found room for is taken by a process that has no part in the lock. */
static void another_fills_it(void **state)
{
    (void)state;
    another_is_faster = true;
    alarm(60);
    log_many(5000);
    alarm(0);
    assert_patience();
    another_is_faster = false;
    read_all();
    log_info("room again");
    told_lost(read_all());
}

/* Of a process that reads slowly, shared with it. */
struct slow_reader {
    atomic_bool stop;
    size_t len;
    char text[sizeof(received)]; /* all that it has read */
};

/* Takes a page, waits a twentieth of a second, takes a page ... */
static void read_slowly(struct slow_reader *reader)
{
    while (!atomic_load(&reader->stop)) {
        ssize_t got = read(pipe_fds[0], reader->text + reader->len, 4096);

        if (got > 0)
            reader->len += (size_t)got;
        __real_poll(NULL, 0, 50);
    }
    _exit(0);
}

/* Adds up what all the lines about losses say. */
static unsigned all_told_lost(const char *text)
{
    unsigned lost, sum = 0;

    while ((text = strstr(text, "[warning] master: ")) != NULL) {
        if (sscanf(text, "[warning] master: %u line", &lost) == 1)
            sum += lost;
        text++;
    }
    return sum;
}

static void a_reader_that_is_slow(void **state)
{
    enum { MANY = 8000 };
    struct slow_reader *reader = mmap(NULL, sizeof(*reader), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned accounted_for;
    pid_t pid;

    (void)state;
    assert_ptr_not_equal(reader, MAP_FAILED);
    assert_int_equal(fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK), 0);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        read_slowly(reader);
    }
    log_many(MANY); /* with time for all of them it would be more than seven seconds */
    assert_patience();
    atomic_store(&reader->stop, true);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    strcpy(reader->text + reader->len, read_all());
    accounted_for = count_of(reader->text, " of many") + all_told_lost(reader->text);
    if (accounted_for < MANY)
        accounted_for += wait_until_told();
    assert_int_equal(accounted_for, MANY);
    munmap(reader, sizeof(*reader));
}

/* Two write at the same time, for longer than anybody would wait for the reader; who does not stand still. To each of
 * them no other time goes by: a machine that runs neither for long is no holder that was stopped. */
static void a_lock_that_is_always_taken(void **state)
{
    enum { MANY = 500, HELD_UP_MS = 4, MOST_PATIENCE_US = 1000000 };
    const char *text;
    pid_t pid;

    (void)state;
    assert_true(fcntl(pipe_fds[1], F_SETPIPE_SZ, 1 << 20) > 0);
    pid = fork();
    held_up_ms = HELD_UP_MS;
    stopped_us = opened_us;
    for (int i = 0; i < MANY; i++) {
        log_many(1);
        __real_poll(NULL, 0, 1); /* the lock is the other's for once */
    }
    if (pid == 0)
        _exit(0);
    assert_true(stopped_us - opened_us > MOST_PATIENCE_US);
    held_up_ms = 0;
    stopped_us = 0;
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    text = read_all();
    assert_int_equal(count_of(text, " of many"), 2 * MANY);
    assert_null(strstr(text, "lost"));
}

/* Has a child write a line that does not fit; returns its pid when it has the lock, which it keeps. */
static pid_t have_it_waited_for(void)
{
    static char lines[1000001];
    pid_t pid;

    memset(lines, 'y', sizeof(lines) - 1);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* after a test that has failed */
        waits_for_ever = true;
        log_write_lines(STDERR_FILENO, slice_of(lines, sizeof(lines) - 1));
        _exit(0);
    }
    fcntl(pipe_fds[0], F_SETFL, 0);
    assert_int_equal(read(pipe_fds[0], received, 1), 1); /* it has begun to write */
    return pid;
}

static void one_log_does_not_wait_for_the_reader_of_another(void **state)
{
    int others[2];
    pid_t pid;

    (void)state;
    assert_int_equal(pipe2(others, O_CLOEXEC | O_NONBLOCK), 0);
    log_out_open(others[1], "the access log");
    pid = have_it_waited_for();
    kill(pid, SIGSTOP);
    assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
    lock_waits = 0;
    log_write_lines(others[1], SLICE("a line\n"));
    assert_int_equal(waited_us + lock_waits, 0);
    assert_int_equal(read(others[0], received, sizeof(received)), 7);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    log_out_close(others[1]);
    close(others[0]);
    close(others[1]);
}

/* As after 2>&1. */
static void two_descriptors_of_one_pipe(void **state)
{
    static char line[200001];
    int copy = dup(STDERR_FILENO);
    const char *text;

    (void)state;
    log_out_open(copy, "standard output");
    memset(line, 'x', sizeof(line) - 2);
    line[sizeof(line) - 2] = '\n';
    log_write_lines(copy, slice_of(line, sizeof(line) - 1));
    read_all();
    log_info("the next");
    text = read_all();
    assert_int_equal(text[0], '\n'); /* the line that `copy` has torn ends here */
    assert_non_null(strstr(text, "1 line was lost: the reader of standard error"));
    log_write_lines(copy, SLICE("more\n"));
    assert_string_equal(read_all(), "more\n"); /* told once */
    log_out_close(copy);
    close(copy);
}

static void a_reader_that_stands_still(void **state)
{
    enum { MANY = 5000 };
    unsigned kept, lost;
    const char *told;

    (void)state;
    log_many(2 * MANY);
    assert_true(waited_us > 500000); /* it is waited for, once */
    assert_patience();
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
    log_many(5000);
    assert_int_equal(waited_us, 0);
    pipe_fds[0] = dup(saved_stderr);
}

static void a_process_that_dies_with_the_lock(void **state)
{
    pid_t pid = have_it_waited_for();
    const char *text;

    (void)state;
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    read_all();
    lock_waits = 0;
    log_many(1);
    assert_in_range(lock_waits, 1, 3); /* the first look is enough */
    assert_int_equal(waited_us, 0);
    text = read_all();
    assert_int_equal(text[0], '\n'); /* its line ends here */
    assert_non_null(strstr(text, "line 0 of many"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(a_reader_that_has_gone),
        LOG_TEST(a_process_that_dies_with_the_lock),
        LOG_TEST(a_reader_that_stands_still),
        LOG_TEST(losses_are_told_of_once_a_second),
        LOG_TEST(a_line_that_fits_in_part),
        LOG_TEST(a_reader_that_is_slow),
        LOG_TEST(a_lock_that_is_always_taken),
        LOG_TEST(one_log_does_not_wait_for_the_reader_of_another),
        LOG_TEST(two_descriptors_of_one_pipe),
        LOG_TEST_WITH(fifo, another_fills_it),
        LOG_TEST_WITH(socket, a_socket_whose_reader_stands_still),
        LOG_TEST_WITH(socket, a_reader_that_has_hung_up),
        LOG_TEST_WITH(terminal, a_terminal_that_is_stopped),
        LOG_TEST_WITH(terminal, a_reader_that_has_hung_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
