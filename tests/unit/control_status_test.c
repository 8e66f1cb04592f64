/* SPDX-License-Identifier: MIT
 * The state of the server as JSON, of shared memory in which somebody has written nonsense too. */
#include "control_status.h"

#include "buf.h"
#include "exchange.h"
#include "handoff.h"
#include "monitor.h"
#include "scoreboard.h"
#include "unit.h"
#include "worker_memory.h"

struct fixture {
    struct scoreboard *scoreboard;
    struct handoff handoff;
    struct worker_memory memory;
    struct monitor_view view;
    struct buf text;
};

static void set_up(struct fixture *fixture)
{
    fixture->scoreboard = scoreboard_new(3, 2);
    assert_int_equal(handoff_open(&fixture->handoff, 3), 0);
    assert_int_equal(worker_memory_init(&fixture->memory, 3), 0);
    fixture->view = (struct monitor_view){
        .scoreboard = fixture->scoreboard, .handoff = &fixture->handoff, .version = "1.2.3", .python = "3.11.7"};
    buf_init(&fixture->text);
}

static void tear_down(struct fixture *fixture)
{
    buf_fini(&fixture->text);
    worker_memory_fini(&fixture->memory);
    handoff_close(&fixture->handoff);
    scoreboard_free(fixture->scoreboard);
}

static const char *write_status(struct fixture *fixture)
{
    fixture->text.len = 0;
    assert_int_equal(control_status_write(&fixture->view, &fixture->memory, &fixture->text), 0);
    for (size_t i = 0; i + 1 < fixture->text.len; i++)
        assert_true(fixture->text.ptr[i] >= ' ' && fixture->text.ptr[i] <= '~');
    assert_int_equal(buf_append(&fixture->text, slice_of("", 1)), 0);
    return fixture->text.ptr;
}

static void test_hostile_requests(void **state)
{
    struct fixture fixture;
    struct scoreboard_thread *thread;
    const char *text;

    (void)state;
    set_up(&fixture);
    scoreboard_enter_row(fixture.scoreboard, 0, 1, 1, 1);
    thread = scoreboard_thread(fixture.scoreboard, 0, 1);
    scoreboard_begin_request(thread, SLICE("G\"T"), SLICE("/\"}\\\x1b\xff\n "), "x\"\n", "1", 1);
    atomic_store(&thread->progress.phase, EXCHANGE_APP);
    text = write_status(&fixture);
    assert_non_null(strstr(text, "\"threads_busy\":1,\"threads_idle\":1,"));
    assert_non_null(strstr(text, "\"running\":[{\"thread\":2,\"phase\":\"app\",\"age_us\":"));
    assert_non_null(strstr(text, "\"method\":\"G\\\\x22T\",\"target\":\"/\\\\x22}\\\\x5c\\\\x1b\\\\xff\\\\x0a \","
                                 "\"client\":\"x\\\\x22\\\\x0a:1\"}]"));
    tear_down(&fixture);
}

static void test_nonsense_in_shared_memory(void **state)
{
    struct fixture fixture;
    struct scoreboard_row *row;
    struct scoreboard_thread *thread;
    const char *text;

    (void)state;
    set_up(&fixture);
    scoreboard_enter_row(fixture.scoreboard, 1, 1, 1, 1);
    row = scoreboard_row(fixture.scoreboard, 1);
    thread = scoreboard_thread(fixture.scoreboard, 1, 0);
    atomic_store(&row->state, 77);
    atomic_store(&row->number, -5);
    atomic_store(&row->started_us, INT64_MAX);
    atomic_store(&row->connections.waiting[WAIT_HEAD], -3);
    atomic_store(&thread->progress.phase, 99);
    atomic_store(&thread->request_started_us, INT64_MAX);
    atomic_store(&thread->line_len, UINT32_MAX);
    memset(thread->line, 'x', sizeof(thread->line));
    memset(thread->peer, '"', sizeof(thread->peer));
    atomic_store(&fixture.scoreboard->totals->row_end, INT32_MAX);
    atomic_store(&fixture.handoff.board->waiting, -1);
    atomic_store(&fixture.handoff.board->rows[1].load, UINT32_MAX);
    text = write_status(&fixture);
    assert_non_null(strstr(text, "\"state\":\"?\",\"age_us\":0,"));
    assert_non_null(strstr(text, "\"phase\":\"?\",\"age_us\":0,\"method\":\"xxx"));
    assert_non_null(strstr(text, "\"queued\":0,"));
    assert_non_null(strstr(text, "\"head\":0,"));
    assert_non_null(strstr(text, "\"load_permille\":1000,"));
    tear_down(&fixture);
}

static void test_nobody_is_there(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    assert_non_null(strstr(write_status(&fixture), "\"workers\":[]}\n"));
    assert_non_null(strstr(fixture.text.ptr, "\"queue\":{\"sum_us\":0,\"p50_us\":null,"));
    tear_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_requests),
        cmocka_unit_test(test_nonsense_in_shared_memory),
        cmocka_unit_test(test_nobody_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
