/* SPDX-License-Identifier: MIT
 * The scoreboard: what the master reads of a worker, alive or killed, and the words it makes of it. */
#include "scoreboard.h"

#include "exchange.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "death.h"
#include "slot.h"

static const int64_t NOW = 1000000000;

static void begin(struct scoreboard_thread *row, const char *target)
{
    scoreboard_begin_request(row, SLICE("GET"), slice_of_string(target), "127.0.0.1", "40112", NOW);
}

static void test_rows_stand_on_cache_lines_of_their_own(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(3, 2);

    (void)state;
    assert_non_null(scoreboard);
    assert_int_equal((uintptr_t)scoreboard_row(scoreboard, 0) % 64, 0);
    assert_int_equal((uintptr_t)scoreboard_row(scoreboard, 1) % 64, 0);
    assert_ptr_equal(scoreboard_row(scoreboard, 2), &scoreboard->rows[2]);
    assert_ptr_equal(scoreboard_thread(scoreboard, 0, 0), scoreboard_row(scoreboard, 2) + 1);
    assert_int_equal((uintptr_t)scoreboard_thread(scoreboard, 0, 1) % 64, 0);
    assert_int_equal((uintptr_t)&scoreboard->totals->requests % 64, 0);
    scoreboard_free(scoreboard);
}

/* The last of them must be inside the memory, and none may be another's. */
static void test_every_thread_has_a_row(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(1024, 3);
    struct scoreboard_request request;
    char target[32];

    (void)state;
    for (int row = 0; row < 1024; row++) {
        for (int thread = 0; thread < 3; thread++) {
            snprintf(target, sizeof(target), "/%d/%d", row, thread);
            begin(scoreboard_thread(scoreboard, row, thread), target);
        }
    }
    for (int row = 0; row < 1024; row++) {
        assert_int_equal(scoreboard_count_running(scoreboard, row), 3);
        for (int thread = 0; thread < 3; thread++) {
            snprintf(target, sizeof(target), "GET /%d/%d", row, thread);
            assert_true(scoreboard_read_request(scoreboard_thread(scoreboard, row, thread), &request));
            assert_string_equal(request.line, target);
        }
    }
    scoreboard_clear_row(scoreboard, 1);
    assert_int_equal(scoreboard_count_running(scoreboard, 0), 3);
    assert_int_equal(scoreboard_count_running(scoreboard, 1), 0);
    assert_int_equal(scoreboard_count_running(scoreboard, 2), 3);
    scoreboard_free(scoreboard);
}

/* A worker and its successor have one number and two rows. */
static void test_rows_are_apart_from_numbers(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(6, 1);

    (void)state;
    assert_int_equal(scoreboard_row_end(scoreboard), 0);
    scoreboard_enter_row(scoreboard, 4, 2, 7, NOW);
    scoreboard_enter_row(scoreboard, 1, 2, 6, NOW);
    assert_int_equal(scoreboard_row_end(scoreboard), 5);
    assert_int_equal(atomic_load(&scoreboard_row(scoreboard, 4)->number), 2);
    assert_int_equal(atomic_load(&scoreboard_row(scoreboard, 4)->generation), 7);
    assert_int_equal(atomic_load(&scoreboard_row(scoreboard, 1)->generation), 6);
    scoreboard_clear_row(scoreboard, 4);
    assert_int_equal(atomic_load(&scoreboard_row(scoreboard, 4)->state), WORKER_ABSENT);
    assert_int_equal(scoreboard_row_end(scoreboard), 5);
    atomic_store(&scoreboard->totals->row_end, 1000);
    assert_int_equal(scoreboard_row_end(scoreboard), 6);
    atomic_store(&scoreboard->totals->row_end, -1);
    assert_int_equal(scoreboard_row_end(scoreboard), 0);
    scoreboard_free(scoreboard);
}

static void test_requests_begin_and_end(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(2, 2);
    struct scoreboard_thread *row = scoreboard_thread(scoreboard, 0, 1), *other = scoreboard_thread(scoreboard, 1, 0);
    struct scoreboard_request request;

    (void)state;
    assert_false(scoreboard_read_request(row, &request));
    begin(row, "/x?y=1");
    assert_true(scoreboard_read_request(row, &request));
    assert_string_equal(request.line, "GET /x?y=1");
    assert_string_equal(request.peer, "127.0.0.1:40112");
    assert_true(request.started_us == NOW);
    assert_false(scoreboard_read_request(scoreboard_thread(scoreboard, 0, 0), &request));
    assert_int_equal(scoreboard_count_running(scoreboard, 0), 1);
    assert_int_equal(scoreboard_end_request(scoreboard, row), 1);
    assert_false(scoreboard_read_request(row, &request));
    begin(other, "/z");
    assert_int_equal(scoreboard_end_request(scoreboard, other), 2);
    assert_int_equal(atomic_load(&row->requests), 1);
    begin(row, "/told");
    assert_int_equal(scoreboard_count_request(scoreboard, row), 3);
    assert_int_equal(scoreboard_count_running(scoreboard, 0), 1);
    scoreboard_leave_request(row);
    assert_int_equal(atomic_load(&row->requests), 2);
    assert_int_equal(atomic_load(&scoreboard->totals->requests), 3);
    assert_int_equal(scoreboard_count_running(scoreboard, 0), 0);
    scoreboard_free(scoreboard);
}

static void test_long_and_dangerous_lines_are_tamed(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(1, 1);
    struct scoreboard_thread *row = scoreboard_thread(scoreboard, 0, 0);
    struct scoreboard_request request;
    char target[4096];

    (void)state;
    memset(target, 'a', sizeof(target) - 1);
    target[sizeof(target) - 1] = '\0';
    begin(row, target);
    assert_true(scoreboard_read_request(row, &request));
    assert_int_equal(strlen(request.line), SCOREBOARD_LINE_BYTES);

    begin(row, "/\"\n\x1b[31m\xff");
    assert_true(scoreboard_read_request(row, &request));
    assert_null(strchr(request.line, '\n'));
    assert_null(strchr(request.line, '\x1b'));
    assert_non_null(strstr(request.line, "\\x0a\\x1b[31m\\xff"));
    scoreboard_begin_request(row, SLICE("GET"), SLICE("/"), "", "", NOW);
    assert_true(scoreboard_read_request(row, &request));
    assert_string_equal(request.peer, "");
    scoreboard_free(scoreboard);
}

static void test_a_killed_worker_leaves_its_request_behind(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(1, 2);
    struct scoreboard_thread *row = scoreboard_thread(scoreboard, 0, 0);
    struct scoreboard_request request;
    const struct scoreboard_row *worker = scoreboard_row(scoreboard, 0);
    int wait_status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        scoreboard_enter_row(scoreboard, 0, 1, 1, NOW);
        begin(row, "/stuck");
        begin(scoreboard_thread(scoreboard, 0, 1), "/stuck/too");
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(pid, &wait_status, 0), pid);
    assert_true(WIFSIGNALED(wait_status));
    assert_int_equal(atomic_load(&worker->pid), pid);
    assert_int_equal(atomic_load(&worker->state), WORKER_STARTING);
    assert_true(scoreboard_read_request(row, &request));
    assert_string_equal(request.line, "GET /stuck");
    assert_int_equal(scoreboard_count_running(scoreboard, 0), 2);
    scoreboard_clear_row(scoreboard, 0);
    assert_false(scoreboard_read_request(row, &request));
    assert_int_equal(atomic_load(&worker->pid), 0);
    scoreboard_free(scoreboard);
}

/* Wait statuses as Linux makes them. */
static int exited(int status)
{
    return status << 8;
}

static void test_deaths_are_described(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(3, 10);
    struct scoreboard_thread *row = scoreboard_thread(scoreboard, 2, 9);
    struct slot slot;
    char text[DEATH_TEXT_BYTES];

    (void)state;
    slot_init(&slot, 3, 3 - 1, 1, NOW);
    slot_order(&slot, 1, -1, NOW - 10200000, 0);
    slot_begin(&slot, 8);
    assert_string_equal(death_describe(text, &slot, exited(1), scoreboard, NOW),
                        "worker 3 (pid: 8) exited with status 1, age 10.2 s");

    slot_become_ready(&slot, NOW);
    assert_string_equal(death_describe(text, &slot, SIGSEGV | 0x80, scoreboard, NOW),
                        "worker 3 (pid: 8) was killed by signal 11 (SIGSEGV), age 10.2 s, idle");
    begin(row, "/x?y");
    assert_string_equal(death_describe(text, &slot, SIGKILL, scoreboard, NOW + 2100000),
                        "worker 3 (pid: 8) was killed by signal 9 (SIGKILL), age 12.3 s, while running \"GET /x?y\" of "
                        "127.0.0.1:40112 for 2.1 s, at its beginning");
    scoreboard_begin_request(row, SLICE("GET"), SLICE("/"), "", "", NOW);
    atomic_store(&row->progress.phase, EXCHANGE_APP);
    assert_string_equal(
        death_describe(text, &slot, exited(0), scoreboard, NOW),
        "worker 3 (pid: 8) exited with status 0, age 10.2 s, while running \"GET /\" of a local client for 0.0 s, "
        "in the application");
    atomic_store(&row->progress.sent_bytes, UINT64_MAX);
    atomic_store(&row->progress.sent_of_us, NOW);
    assert_string_equal(
        death_describe(text, &slot, exited(0), scoreboard, NOW),
        "worker 3 (pid: 8) exited with status 0, age 10.2 s, while running \"GET /\" of a local client for 0.0 s, "
        "in the application, 18446744073709551615 bytes into the body of its response");
    scoreboard_begin_request(row, SLICE("GET"), SLICE("/"), "", "", NOW + 1);
    assert_null(strstr(death_describe(text, &slot, exited(0), scoreboard, NOW), "bytes"));

    begin(scoreboard_thread(scoreboard, 2, 0), "/y");
    begin(scoreboard_thread(scoreboard, 1, 0), "/not/ours");
    assert_string_equal(death_describe(text, &slot, exited(0), scoreboard, NOW),
                        "worker 3 (pid: 8) exited with status 0, age 10.2 s, while running 2 requests");

    slot.number = 0;
    assert_string_equal(death_describe(text, &slot, exited(3), NULL, NOW),
                        "zygote (pid: 8) exited with status 3, age 10.2 s");
    scoreboard_free(scoreboard);
}

static void test_what_holds_up_an_end_is_described(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(1, 1);
    struct scoreboard_row *row = scoreboard_row(scoreboard, 0);
    char text[DEATH_TEXT_BYTES];

    (void)state;
    assert_string_equal(death_describe_delay(text, sizeof(text), scoreboard, 0, NOW), "idle");
    atomic_store(&row->connections.waiting[WAIT_HEAD], 1);
    atomic_store(&row->connections.waiting[WAIT_SEND], -1);
    assert_string_equal(death_describe_delay(text, sizeof(text), scoreboard, 0, NOW),
                        "idle, while 1 connection is open");
    for (int wait = 0; wait < WAIT_COUNT; wait++)
        atomic_store(&row->connections.waiting[wait], INT32_MAX);
    assert_string_equal(death_describe_delay(text, sizeof(text), scoreboard, 0, NOW),
                        "idle, while 15032385529 connections are open");
    scoreboard_free(scoreboard);
}

static void test_the_longest_death_fits(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(1, 1);
    struct scoreboard_thread *row = scoreboard_thread(scoreboard, 0, 0);
    struct slot slot;
    char text[DEATH_TEXT_BYTES], target[512], peer[128];

    (void)state;
    memset(target, 0xff, sizeof(target) - 1);
    target[sizeof(target) - 1] = '\0';
    memset(peer, 'f', sizeof(peer) - 1);
    peer[sizeof(peer) - 1] = '\0';
    slot_init(&slot, 1, 1 - 1, 1, NOW);
    slot_order(&slot, 1, -1, 0, 0);
    slot_begin(&slot, INT32_MAX);
    slot_become_ready(&slot, NOW);
    scoreboard_begin_request(row, SLICE("GET"), slice_of_string(target), peer, "65535", NOW);
    atomic_store(&row->progress.sent_bytes, UINT64_MAX);
    atomic_store(&row->progress.sent_of_us, NOW);
    death_describe(text, &slot, SIGVTALRM, scoreboard, NOW);
    assert_non_null(strstr(text, " for 0.0 s"));
    assert_non_null(strstr(text, "bytes into the body of its response"));
    scoreboard_free(scoreboard);
}

/* What is logged, with the time and the pid cut off; the caller frees it. */
static char *capture_log(const struct slot *slot, const struct scoreboard *scoreboard)
{
    int saved_fd = dup(STDERR_FILENO), ends[2];
    char text[65536], *out = calloc(1, sizeof(text));
    ssize_t len;

    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    death_log_requests(LOG_LEVEL_ERROR, slot, scoreboard, NOW + 2100000);
    dup2(saved_fd, STDERR_FILENO);
    close(ends[1]);
    close(saved_fd);
    len = read(ends[0], text, sizeof(text) - 1);
    close(ends[0]);
    text[len] = '\0';
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        strncat(out, strstr(line, "worker "), strcspn(strstr(line, "worker "), "\n") + 1);
    return out;
}

static void test_several_requests_have_a_line_each(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(2, 12);
    struct slot slot;
    char *text;
    size_t lines = 0;

    (void)state;
    slot_init(&slot, 2, 2 - 1, 1, NOW);
    slot_order(&slot, 1, -1, NOW, 0);
    slot_begin(&slot, 8);
    begin(scoreboard_thread(scoreboard, 0, 0), "/not/ours");
    begin(scoreboard_thread(scoreboard, 1, 11), "/a");
    text = capture_log(&slot, scoreboard);
    assert_string_equal(text, "");
    free(text);

    begin(scoreboard_thread(scoreboard, 1, 3), "/b");
    text = capture_log(&slot, scoreboard);
    assert_string_equal(text,
                        "worker 2 (pid: 8) was running \"GET /b\" of 127.0.0.1:40112 for 2.1 s, at its beginning\n"
                        "worker 2 (pid: 8) was running \"GET /a\" of 127.0.0.1:40112 for 2.1 s, at its beginning\n");
    free(text);

    for (int thread = 0; thread < 12; thread++)
        begin(scoreboard_thread(scoreboard, 1, thread), "/c");
    text = capture_log(&slot, scoreboard);
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        lines++;
    assert_int_equal(lines, DEATH_MOST_REQUESTS + 1);
    assert_non_null(strstr(text, "\nworker 2 (pid: 8) was running 4 more\n"));
    free(text);
    scoreboard_free(scoreboard);
}

static void test_signals_have_names(void **state)
{
    (void)state;
    assert_string_equal(death_signal_name(SIGTERM), "SIGTERM");
    assert_string_equal(death_signal_name(SIGBUS), "SIGBUS");
    assert_string_equal(death_signal_name(0), "an unknown signal");
    assert_string_equal(death_signal_name(-1), "an unknown signal");
    assert_string_equal(death_signal_name(SIGRTMIN + 1), "an unknown signal");
}

static void test_reloads_are_told_when_they_are_over(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(1, 1);
    struct board_reload *reload = &scoreboard->totals->reload;
    struct board_reload_news news;

    (void)state;
    board_reload_ask(reload, 1);
    board_reload_ask(reload, 2);
    news = board_reload_read(reload);
    assert_int_equal(news.asked, 2);
    assert_int_equal(news.done, 0);
    board_reload_finish(reload, 2, true, 1, "reload failed: the reason");
    news = board_reload_read(reload);
    assert_int_equal(news.done, 2);
    assert_true(news.is_failed);
    assert_int_equal(news.generation, 1);
    assert_string_equal(news.text, "reload failed: the reason");
    scoreboard_free(scoreboard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reloads_are_told_when_they_are_over),
        cmocka_unit_test(test_rows_stand_on_cache_lines_of_their_own),
        cmocka_unit_test(test_every_thread_has_a_row),
        cmocka_unit_test(test_rows_are_apart_from_numbers),
        cmocka_unit_test(test_requests_begin_and_end),
        cmocka_unit_test(test_long_and_dangerous_lines_are_tamed),
        cmocka_unit_test(test_a_killed_worker_leaves_its_request_behind),
        cmocka_unit_test(test_deaths_are_described),
        cmocka_unit_test(test_what_holds_up_an_end_is_described),
        cmocka_unit_test(test_the_longest_death_fits),
        cmocka_unit_test(test_several_requests_have_a_line_each),
        cmocka_unit_test(test_signals_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
