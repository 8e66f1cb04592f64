/* SPDX-License-Identifier: MIT
 * Stacks asked for at the control socket, while workers come and go between the question and the answer. */
#include "control_stacks.h"

#include "buf.h"
#include "control_answers.h"
#include "monitor.h"
#include "scoreboard.h"
#include "stacks.h"
#include "unit.h"

enum { ROWS = 3 };

struct fixture {
    struct scoreboard *scoreboard;
    struct monitor_task task;
    struct control_answers answers;
    int asked[ROWS];                     /* how often, by row */
    void (*on_asked)(struct fixture *f); /* what happens meanwhile; NULL: nothing */
    struct buf text;
};

static void enter(struct fixture *f, int row, int number, pid_t pid, enum worker_state state)
{
    scoreboard_enter_row(f->scoreboard, row, number, 1, 1);
    atomic_store(&scoreboard_row(f->scoreboard, row)->pid, pid);
    atomic_store(&scoreboard_row(f->scoreboard, row)->state, state);
}

static void answer(struct fixture *f, int row, struct slice text)
{
    uint32_t ticket;

    (void)stacks_is_asked(f->scoreboard, row, &ticket);
    stacks_write(f->scoreboard, row, text, ticket, 1);
}

static void on_asked(void *context, int row)
{
    struct fixture *f = context;

    f->asked[row]++;
    if (f->on_asked != NULL)
        f->on_asked(f);
}

static void set_up(struct fixture *f)
{
    *f = (struct fixture){.scoreboard = scoreboard_new(ROWS, 1)};
    f->task = (struct monitor_task){.view.scoreboard = f->scoreboard, .ask_stacks = on_asked, .context = f};
    assert_int_equal(control_answers_init(&f->answers, &f->task), 0);
    buf_init(&f->text);
}

static void tear_down(struct fixture *f)
{
    buf_fini(&f->text);
    control_answers_fini(&f->answers);
    scoreboard_free(f->scoreboard);
}

static const char *ask(struct fixture *f, int number)
{
    f->text.len = 0;
    assert_int_equal(control_stacks_write(&f->answers, number, &f->text), 0);
    assert_int_equal(buf_append(&f->text, slice_of("", 1)), 0);
    return f->text.ptr;
}

static void assert_member(const char *text, int pid, const char *state, bool is_answered, const char *stacks)
{
    char expected[256];

    snprintf(expected, sizeof(expected),
             "\"pid\":%d,\"generation\":1,\"state\":\"%s\",\"is_answered\":%s,\"running\":[],\"stacks\":%s}", pid,
             state, is_answered ? "true" : "false", stacks);
    if (strstr(text, expected) == NULL)
        print_error("%s\nis not in\n%s", expected, text);
    assert_non_null(strstr(text, expected));
}

static void second_answers(struct fixture *f)
{
    answer(f, 1, SLICE("two"));
}

static void test_those_that_serve_are_asked(void **state)
{
    struct fixture f;
    const char *text;

    (void)state;
    set_up(&f);
    enter(&f, 0, 1, 70, WORKER_STARTING);
    enter(&f, 1, 2, 71, WORKER_READY);
    f.on_asked = second_answers;
    text = ask(&f, 0);
    assert_member(text, 70, "starting", false, "null");
    assert_member(text, 71, "ready", true, "\"two\"");
    assert_int_equal(f.asked[0], 0);
    assert_int_equal(f.asked[1], 1);
    text = ask(&f, 1);
    assert_member(text, 70, "starting", false, "null");
    assert_null(strstr(text, "\"pid\":71"));
    assert_int_equal(f.asked[1], 1);
    tear_down(&f);
}

static void first_gets_ready(struct fixture *f)
{
    atomic_store(&scoreboard_row(f->scoreboard, 0)->state, WORKER_READY);
    second_answers(f);
}

/* It was not asked: it is neither silent, nor one whose stacks cannot be had. */
static void test_who_becomes_ready_meanwhile(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    enter(&f, 0, 1, 70, WORKER_STARTING);
    enter(&f, 1, 2, 71, WORKER_READY);
    f.on_asked = first_gets_ready;
    assert_member(ask(&f, 0), 70, "starting", false, "null");
    tear_down(&f);
}

/* The same row as above, with a ticket of an earlier question that nobody has answered. */
static void test_a_ticket_of_a_predecessor(void **state)
{
    struct fixture f;
    const char *text;

    (void)state;
    set_up(&f);
    enter(&f, 0, 1, 70, WORKER_READY);
    text = ask(&f, 1); /* for as long as it has patience */
    assert_member(text, 70, "ready", false, "null");
    enter(&f, 0, 1, 72, WORKER_STARTING);
    enter(&f, 1, 2, 71, WORKER_READY);
    f.on_asked = first_gets_ready;
    assert_member(ask(&f, 0), 72, "starting", false, "null");
    tear_down(&f);
}

static void first_dies_and_is_replaced(struct fixture *f)
{
    scoreboard_clear_row(f->scoreboard, 0);
    enter(f, 0, 1, 80, WORKER_READY);
}

/* The successor in its row was not asked either; nor is anybody waited for. */
static void test_who_is_replaced_meanwhile(void **state)
{
    struct fixture f;
    const char *text;

    (void)state;
    set_up(&f);
    enter(&f, 0, 1, 70, WORKER_READY);
    f.on_asked = first_dies_and_is_replaced;
    text = ask(&f, 0);
    assert_member(text, 80, "starting", false, "null");
    assert_null(strstr(text, "\"pid\":70"));
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_those_that_serve_are_asked),
        cmocka_unit_test(test_who_becomes_ready_meanwhile),
        cmocka_unit_test(test_a_ticket_of_a_predecessor),
        cmocka_unit_test(test_who_is_replaced_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
