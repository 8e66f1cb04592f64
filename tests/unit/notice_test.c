/* SPDX-License-Identifier: MIT
 * Messages of many processes through one pipe: whole, in order for each sender, and none lost when the pipe is full. */
#include "notice.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"

static void test_a_notice_arrives_as_it_was_sent(void **state)
{
    struct notice notice;
    int ends[2];

    (void)state;
    assert_int_equal(fd_pipe(ends), 0);
    assert_false(notice_receive(ends[0], &notice));
    notice_send(ends[1], NOTICE_READY, 3, 77, 0);
    notice_send(ends[1], NOTICE_SPAWNED, 4, 78, 1234);
    assert_true(notice_receive(ends[0], &notice));
    assert_int_equal(notice.kind, NOTICE_READY);
    assert_int_equal(notice.number, 3);
    assert_int_equal(notice.serial, 77);
    assert_int_equal(notice.pid, getpid());
    assert_true(notice_receive(ends[0], &notice));
    assert_int_equal(notice.kind, NOTICE_SPAWNED);
    assert_int_equal(notice.pid, 1234);
    assert_false(notice_receive(ends[0], &notice));
    close(ends[0]);
    close(ends[1]);
}

static void test_a_full_pipe_makes_senders_wait(void **state)
{
    enum { SENDERS = 4, NOTICES = 2000 }; /* 190 kB, three times what a pipe holds */
    uint64_t next[SENDERS] = {0};
    struct notice notice;
    int ends[2];

    (void)state;
    assert_int_equal(fd_pipe(ends), 0);
    for (int sender = 0; sender < SENDERS; sender++) {
        if (fork() == 0) {
            for (uint64_t i = 0; i < NOTICES; i++)
                notice_send(ends[1], NOTICE_READY, sender, i, 0);
            _exit(0);
        }
    }
    close(ends[1]);
    for (int received = 0; received < SENDERS * NOTICES; received++) {
        while (!notice_receive(ends[0], &notice)) {
            struct pollfd readable = {.fd = ends[0], .events = POLLIN};

            assert_int_equal(poll(&readable, 1, -1), 1);
            assert_true(readable.revents & POLLIN);
        }
        assert_in_range(notice.number, 0, SENDERS - 1);
        assert_true(notice.serial == next[notice.number]++);
    }
    while (wait(NULL) > 0)
        ;
    close(ends[0]);
}

static void test_without_a_master_nobody_cares(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(fd_pipe(ends), 0);
    close(ends[0]);
    notice_send(ends[1], NOTICE_READY, 1, 1, 0);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_notice_arrives_as_it_was_sent),
        cmocka_unit_test(test_a_full_pipe_makes_senders_wait),
        cmocka_unit_test(test_without_a_master_nobody_cares),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
