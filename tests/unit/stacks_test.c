/* SPDX-License-Identifier: MIT */
#include "stacks.h"

#include <string.h>

#include "scoreboard.h"
#include "unit.h"

static char text[STACKS_BYTES];

static void test_ask_and_answer(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(2, 1);
    int64_t taken_us = 0;
    uint32_t ticket, first, second;

    (void)state;
    assert_int_equal(stacks_read(scoreboard, 1, text, &taken_us), 0);
    assert_false(stacks_is_asked(scoreboard, 1, &ticket));
    first = stacks_ask(scoreboard, 1);
    second = stacks_ask(scoreboard, 1);
    assert_true(stacks_is_asked(scoreboard, 1, &ticket));
    assert_false(stacks_is_answered(scoreboard, 1, first));
    stacks_write(scoreboard, 1, SLICE("File \"a.py\""), ticket, 42);
    assert_true(stacks_is_answered(scoreboard, 1, first));
    assert_true(stacks_is_answered(scoreboard, 1, second));
    assert_false(stacks_is_asked(scoreboard, 1, &ticket));
    assert_int_equal(stacks_read(scoreboard, 1, text, &taken_us), 11);
    assert_memory_equal(text, "File \"a.py\"", 11);
    assert_int_equal(taken_us, 42);
    assert_int_equal(stacks_read(scoreboard, 0, text, &taken_us), 0);
    scoreboard_free(scoreboard);
}

static void test_long_texts_are_cut(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(2, 1);
    static char longer[STACKS_BYTES + 1];
    int64_t taken_us;

    (void)state;
    memset(longer, 'x', sizeof(longer));
    stacks_write(scoreboard, 0, slice_of(longer, sizeof(longer)), 0, 1);
    stacks_write(scoreboard, 1, SLICE("other"), 0, 1);
    assert_int_equal(stacks_read(scoreboard, 0, text, &taken_us), STACKS_BYTES);
    assert_memory_equal(text, longer, STACKS_BYTES);
    assert_int_equal(stacks_read(scoreboard, 1, text, &taken_us), 5);
    scoreboard_free(scoreboard);
}

/* Nor is a length or a sequence believed that makes no sense, and a worker of the past has shown nothing for it. */
static void test_a_new_worker_has_none(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(1, 1);
    int64_t taken_us;
    uint32_t ticket;

    (void)state;
    stacks_write(scoreboard, 0, SLICE("old"), 0, 1);
    (void)stacks_ask(scoreboard, 0);
    atomic_store(&scoreboard_row(scoreboard, 0)->stacks.sequence, 3);
    assert_int_equal(stacks_read(scoreboard, 0, text, &taken_us), 0);
    atomic_store(&scoreboard_row(scoreboard, 0)->stacks.len, STACKS_BYTES + 1);
    assert_int_equal(stacks_read(scoreboard, 0, text, &taken_us), 0);
    stacks_write(scoreboard, 0, SLICE("old"), 0, INT64_MAX);
    scoreboard_enter_row(scoreboard, 0, 1, 1, 1);
    assert_int_equal(stacks_taken_us(scoreboard, 0), 0);
    assert_int_equal(stacks_read(scoreboard, 0, text, &taken_us), 0);
    assert_false(stacks_is_asked(scoreboard, 0, &ticket));
    scoreboard_free(scoreboard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ask_and_answer),
        cmocka_unit_test(test_long_texts_are_cut),
        cmocka_unit_test(test_a_new_worker_has_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
