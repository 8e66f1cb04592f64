/* SPDX-License-Identifier: MIT
 * Standard error is a pipe, a socket or a terminal whose other end the test has. */
#ifndef CLUTCH_LOG_READER_H
#define CLUTCH_LOG_READER_H

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "log_out.h"

static int pipe_fds[2], saved_stderr; /* the reader's end and ours, whatever they are */
static char received[1 << 21];
static int64_t opened_us, waited_us; /* when standard error was opened, and what has been waited for its reader since */

/* Standard error becomes pipe_fds[1], which is filled as the server would fill it. */
static inline int use_pipe_fds(void)
{
    signal(SIGPIPE, SIG_IGN);
    log_init(LOG_LEVEL_INFO);
    saved_stderr = dup(STDERR_FILENO);
    assert_int_equal(dup2(pipe_fds[1], STDERR_FILENO), STDERR_FILENO);
    opened_us = clock_now_us();
    waited_us = 0;
    log_out_open(STDERR_FILENO, "standard error");
    return 0;
}

static inline int set_up(void **state)
{
    (void)state;
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    return use_pipe_fds();
}

static inline int set_up_socket(void **state)
{
    const int room_bytes = 100 << 10; /* twice that, whatever is usual on this machine */

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pipe_fds), 0);
    assert_int_equal(setsockopt(pipe_fds[1], SOL_SOCKET, SO_SNDBUF, &room_bytes, sizeof(room_bytes)), 0);
    return use_pipe_fds();
}

static inline int set_up_terminal(void **state)
{
    struct termios raw;

    (void)state;
    assert_int_equal(openpty(&pipe_fds[0], &pipe_fds[1], NULL, NULL, NULL), 0);
    assert_int_equal(tcgetattr(pipe_fds[1], &raw), 0);
    cfmakeraw(&raw);
    assert_int_equal(tcsetattr(pipe_fds[1], TCSANOW, &raw), 0);
    return use_pipe_fds();
}

static inline int tear_down(void **state)
{
    (void)state;
    assert_int_equal(dup2(saved_stderr, STDERR_FILENO), STDERR_FILENO);
    log_out_open(STDERR_FILENO, "standard error");
    close(saved_stderr);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    return 0;
}

/* Everything that is in the pipe now, as a string. */
static inline const char *read_all(void)
{
    size_t len = 0;
    ssize_t got;

    fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
    while ((got = read(pipe_fds[0], received + len, sizeof(received) - 1 - len)) > 0)
        len += (size_t)got;
    received[len] = '\0';
    return received;
}

/* The same, once the word has come: what is written to a terminal is not there at once, the kernel carries it over. */
static inline const char *read_until(const char *word)
{
    size_t len = 0;
    ssize_t got;

    fcntl(pipe_fds[0], F_SETFL, 0);
    received[0] = '\0';
    while (strstr(received, word) == NULL) {
        assert_int_equal(poll(&(struct pollfd){.fd = pipe_fds[0], .events = POLLIN}, 1, 20000), 1);
        got = read(pipe_fds[0], received + len, sizeof(received) - 1 - len);
        assert_true(got > 0);
        len += (size_t)got;
        received[len] = '\0';
    }
    return received;
}

static inline void log_many(int count)
{
    for (int i = 0; i < count; i++)
        log_info("line %d of many, with some words so that the pipe is full soon", i);
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define LOG_TEST_WITH(what, name) cmocka_unit_test_setup_teardown(name, set_up_##what, tear_down)

#endif
