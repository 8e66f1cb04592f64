/* SPDX-License-Identifier: MIT
 * Messages over a channel: whole, in order, none lost when it is full; and what is no message harms none that is. */
#include "notice.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

static void open_channel(int ends[2])
{
    assert_int_equal(notice_open_channel(ends), 0);
}

static void close_channel(int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

static void assert_next(int fd, enum notice_kind kind, int number)
{
    struct notice notice;

    assert_int_equal(notice_receive(fd, &notice), NOTICE_ARRIVED);
    assert_int_equal(notice.kind, kind);
    assert_int_equal(notice.number, number);
}

static void test_a_notice_arrives_as_it_was_sent(void **state)
{
    struct notice notice;
    int ends[2];

    (void)state;
    open_channel(ends);
    assert_int_equal(notice_receive(ends[0], &notice), NOTICE_NONE);
    notice_send(ends[1], NOTICE_READY, 3, 77, 0);
    notice_send(ends[1], NOTICE_SPAWNED, 4, 78, 1234);
    assert_int_equal(notice_receive(ends[0], &notice), NOTICE_ARRIVED);
    assert_int_equal(notice.kind, NOTICE_READY);
    assert_int_equal(notice.number, 3);
    assert_int_equal(notice.serial, 77);
    assert_int_equal(notice.pid, getpid());
    assert_int_equal(notice_receive(ends[0], &notice), NOTICE_ARRIVED);
    assert_int_equal(notice.kind, NOTICE_SPAWNED);
    assert_int_equal(notice.pid, 1234);
    assert_int_equal(notice_receive(ends[0], &notice), NOTICE_NONE);
    close_channel(ends);
}

static void test_a_full_channel_makes_the_sender_wait(void **state)
{
    enum { NOTICES = 5000 }; /* many times what a channel holds */
    struct notice notice;
    int ends[2];

    (void)state;
    open_channel(ends);
    if (fork() == 0) {
        for (uint64_t i = 0; i < NOTICES; i++)
            notice_send(ends[1], NOTICE_READY, 1, i, 0);
        _exit(0);
    }
    close(ends[1]);
    for (uint64_t received = 0; received < NOTICES; received++) {
        enum notice_news news;

        while ((news = notice_receive(ends[0], &notice)) == NOTICE_NONE)
            assert_int_equal(poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, -1), 1);
        assert_int_equal(news, NOTICE_ARRIVED);
        assert_true(notice.serial == received);
    }
    wait(NULL);
    close(ends[0]);
}

/* The application has the descriptor as well. */
static void test_rubbish_harms_no_notice(void **state)
{
    const struct notice odd = {.kind = NOTICE_KINDS};
    struct notice two[2] = {{.number = 1}, {.number = 2}};
    static const char zeros[5000];
    struct notice notice;
    int ends[2];

    (void)state;
    open_channel(ends);
    assert_int_equal(write(ends[1], "x", 1), 1);
    notice_send(ends[1], NOTICE_READY, 1, 1, 0);
    assert_int_equal(send(ends[1], "", 0, 0), 0);
    assert_int_equal(write(ends[1], two, sizeof(two)), sizeof(two));
    assert_int_equal(write(ends[1], zeros, sizeof(zeros)), sizeof(zeros));
    assert_int_equal(write(ends[1], &odd, sizeof(odd)), sizeof(odd));
    notice_send(ends[1], NOTICE_DRAINING, 2, 1, 0);

    assert_int_equal(notice_receive(ends[0], &notice), NOTICE_RUBBISH);
    assert_next(ends[0], NOTICE_READY, 1);
    for (int i = 0; i < 4; i++)
        assert_int_equal(notice_receive(ends[0], &notice), NOTICE_RUBBISH);
    assert_next(ends[0], NOTICE_DRAINING, 2);
    assert_int_equal(notice_receive(ends[0], &notice), NOTICE_NONE);
    close_channel(ends);
}

static void test_the_end_comes_behind_the_last_notice(void **state)
{
    struct notice notice;
    int ends[2];

    (void)state;
    open_channel(ends);
    assert_int_equal(write(ends[0], "unread", 6), 6);
    notice_send(ends[1], NOTICE_READY, 1, 1, 0);
    close(ends[1]);
    assert_next(ends[0], NOTICE_READY, 1);
    assert_int_equal(notice_receive(ends[0], &notice), NOTICE_OVER);
    assert_int_equal(notice_receive(ends[0], &notice), NOTICE_OVER);
    close(ends[0]);
}

static void test_a_channel_shut_down_is_over(void **state)
{
    struct notice notice;
    int ends[2];

    (void)state;
    open_channel(ends);
    assert_int_equal(shutdown(ends[1], SHUT_WR), 0);
    assert_int_equal(notice_receive(ends[0], &notice), NOTICE_OVER);
    close_channel(ends);
}

/* The application may have made SIGPIPE deadly again. */
static void test_without_a_master_nobody_cares(void **state)
{
    int ends[2], wait_status;
    pid_t child;

    (void)state;
    open_channel(ends);
    close(ends[0]);
    child = fork();
    if (child == 0) {
        signal(SIGPIPE, SIG_DFL);
        notice_send(ends[1], NOTICE_READY, 1, 1, 0);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &wait_status, 0), child);
    assert_int_equal(wait_status, 0);
    close(ends[1]);
}

static void test_a_worker_may_go_when_it_is_told_and_not_at_the_end(void **state)
{
    struct notice_logs logs;
    int ends[2];

    (void)state;
    open_channel(ends);
    notice_let_go(ends[0]);
    assert_int_equal(notice_take_word(ends[1], &logs), NOTICE_GO);
    assert_int_equal(shutdown(ends[0], SHUT_WR), 0);
    assert_int_equal(notice_take_word(ends[1], &logs), NOTICE_GONE);
    close_channel(ends);
}

static void test_who_is_to_end_still_gets_new_logs(void **state)
{
    struct notice_logs logs;
    int ends[2];

    (void)state;
    open_channel(ends);
    notice_end(ends[0]);
    logs = (struct notice_logs){.error_fd = ends[0], .access_fd = -1};
    assert_int_equal(notice_give_logs(ends[0], &logs), 0);
    assert_int_equal(notice_take_word(ends[1], &logs), NOTICE_END);
    assert_int_equal(notice_take_word(ends[1], &logs), NOTICE_LOGS);
    assert_int_equal(logs.access_fd, -1);
    close(logs.error_fd);
    close(ends[0]);
    assert_int_equal(notice_take_word(ends[1], &logs), NOTICE_GONE);
    close(ends[1]);
}

/* Nobody reads: the end is behind all that is there. */
static void test_the_end_finds_a_way_into_a_full_channel(void **state)
{
    struct notice_logs logs;
    enum notice_word word = NOTICE_GO;
    int ends[2];

    (void)state;
    open_channel(ends);
    while (send(ends[0], "g", 1, MSG_DONTWAIT) == 1)
        continue;
    notice_end(ends[0]);
    while (word == NOTICE_GO)
        word = notice_take_word(ends[1], &logs);
    assert_int_equal(word, NOTICE_GONE);
    close_channel(ends);
}

/* Whether both descriptors are of one open file. */
static bool is_same_file(int a, int b)
{
    struct stat of_a, of_b;

    return fstat(a, &of_a) == 0 && fstat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

static void test_new_logs_come_in_order_with_the_other_words(void **state)
{
    int ends[2], other[2];
    struct notice_logs given, taken;

    (void)state;
    open_channel(ends);
    assert_int_equal(pipe(other), 0);
    given = (struct notice_logs){.error_fd = other[0], .access_fd = ends[0]};
    assert_int_equal(notice_give_logs(ends[0], &given), 0);
    notice_let_go(ends[0]);
    given.error_fd = -1;
    assert_int_equal(notice_give_logs(ends[0], &given), 0);

    assert_int_equal(notice_take_word(ends[1], &taken), NOTICE_LOGS);
    assert_true(taken.error_fd > 2 && is_same_file(taken.error_fd, other[0]));
    assert_true(taken.access_fd > 2 && is_same_file(taken.access_fd, ends[0]));
    close(taken.error_fd);
    close(taken.access_fd);
    assert_int_equal(notice_take_word(ends[1], &taken), NOTICE_GO);
    assert_int_equal(notice_take_word(ends[1], &taken), NOTICE_LOGS);
    assert_int_equal(taken.error_fd, -1);
    assert_true(is_same_file(taken.access_fd, ends[0]));
    close(taken.access_fd);
    close(other[0]);
    close(other[1]);
    close_channel(ends);
}

/* The limit on open files is reached: the word comes all the same, without them. */
static void test_new_logs_for_which_no_descriptor_is_free(void **state)
{
    struct rlimit before, none;
    struct notice_logs logs;
    int ends[2];

    (void)state;
    open_channel(ends);
    logs = (struct notice_logs){.error_fd = ends[0], .access_fd = ends[0]};
    assert_int_equal(notice_give_logs(ends[0], &logs), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(notice_take_word(ends[1], &logs), NOTICE_LOGS);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(logs.error_fd, -1);
    assert_int_equal(logs.access_fd, -1);
    close_channel(ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_logs_come_in_order_with_the_other_words),
        cmocka_unit_test(test_new_logs_for_which_no_descriptor_is_free),
        cmocka_unit_test(test_a_worker_may_go_when_it_is_told_and_not_at_the_end),
        cmocka_unit_test(test_who_is_to_end_still_gets_new_logs),
        cmocka_unit_test(test_the_end_finds_a_way_into_a_full_channel),
        cmocka_unit_test(test_a_notice_arrives_as_it_was_sent),
        cmocka_unit_test(test_a_full_channel_makes_the_sender_wait),
        cmocka_unit_test(test_rubbish_harms_no_notice),
        cmocka_unit_test(test_the_end_comes_behind_the_last_notice),
        cmocka_unit_test(test_a_channel_shut_down_is_over),
        cmocka_unit_test(test_without_a_master_nobody_cares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
