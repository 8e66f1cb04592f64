/* SPDX-License-Identifier: MIT
 * What workers see of the queue between them without taking anything: nudges, the first message, how many wait, who is
 * idle. All of it may be wrong for a moment, or left wrong by who was killed. */
#include "handoff_support.h"

static int message_count(const struct handoff *handoff)
{
    char bytes[1];
    int count = 0;

    while (recv(handoff->take_fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        count++;
    return count;
}

static void test_one_nudge_at_a_time(void **state)
{
    const struct handoff *handoff = *state;

    handoff_nudge(handoff);
    handoff_nudge(handoff);
    assert_int_equal(message_count(handoff), 1);
    assert_is_empty(handoff); /* whoever took the nudge may have died before it said so */
    handoff_nudge(handoff);
    assert_int_equal(message_count(handoff), 1);
    assert_int_equal(waiting(handoff), 0);
}

static void test_nudges_are_skipped(void **state)
{
    const struct handoff *handoff = *state;

    handoff_nudge(handoff);
    assert_int_equal(give_text(handoff, "behind", 0), 0);
    assert_takes(handoff, "behind");
    assert_int_equal(atomic_load(&handoff->board->is_nudged), 0);
    assert_is_empty(handoff);
}

static void test_a_nudge_into_a_full_queue_is_given_up(void **state)
{
    const struct handoff *handoff = *state;

    while (give_text(handoff, "x", 0) == 0)
        continue;
    handoff_nudge(handoff);
    assert_int_equal(atomic_load(&handoff->board->is_nudged), 0);
}

static void test_peek_takes_nothing(void **state)
{
    const struct handoff *handoff = *state;
    struct handoff_header header = {.kind = HANDOFF_IDLE, .enqueued_us = 42}, seen;
    int before = open_fds();

    assert_int_equal(handoff_peek(handoff, &seen), 0);
    assert_int_equal(handoff_give(handoff, &header, NULL, 0, 0, -1), 0);
    assert_int_equal(give_text(handoff, "second", 0), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(handoff_peek(handoff, &seen), 1);
        assert_memory_equal(&seen, &header, sizeof(seen));
    }
    assert_int_equal(open_fds(), before);
    assert_takes(handoff, "");
    assert_int_equal(waiting(handoff), 1);
    assert_int_equal(handoff_peek(handoff, &seen), 1);
    assert_int_equal(seen.head_bytes, 6);
    assert_takes(handoff, "second");
}

static void test_peek_shows_a_nudge(void **state)
{
    const struct handoff *handoff = *state;
    struct handoff_header seen;

    handoff_nudge(handoff);
    assert_int_equal(give_text(handoff, "behind", 0), 0);
    assert_int_equal(handoff_peek(handoff, &seen), 1);
    assert_int_equal(seen.kind, HANDOFF_NUDGE);
    assert_true(seen.enqueued_us > 0);
    assert_takes(handoff, "behind");
}

static void test_a_count_left_too_high_is_mended(void **state)
{
    const struct handoff *handoff = *state;
    int looks = 0;

    atomic_store(&handoff->board->waiting, 2); /* left by processes that were killed at the wrong moment */
    while (handoff_may_have_messages(handoff) && looks < 5000) {
        assert_is_empty(handoff);
        looks++;
    }
    assert_int_equal(looks, 1000);
    assert_int_equal(give_text(handoff, "x", 0), 0);
    assert_int_equal(waiting(handoff), 1);
    assert_takes(handoff, "x");
    assert_int_equal(waiting(handoff), 0);
}

static void test_a_count_that_moves_is_believed(void **state)
{
    const struct handoff *handoff = *state;

    for (int i = 0; i < 4000; i++) {
        if (i % 500 == 0)
            atomic_fetch_add(&handoff->board->waiting, 1);
        assert_is_empty(handoff);
    }
    assert_int_equal(waiting(handoff), 8);
    atomic_store(&handoff->board->waiting, 0);
}

static void test_a_count_left_too_low_does_no_harm(void **state)
{
    const struct handoff *handoff = *state;

    assert_int_equal(give_text(handoff, "x", 0), 0);
    atomic_store(&handoff->board->waiting, 0);
    assert_takes(handoff, "x");
    assert_int_equal(waiting(handoff), 0); /* not below */
}

static void test_idle_siblings(void **state)
{
    const struct handoff *handoff = *state;
    struct handoff_row *rows = handoff->board->rows;

    assert_int_equal((uintptr_t)&rows[1] % 64, 0);
    assert_false(handoff_has_idle_sibling(handoff, 0));
    atomic_store(&rows[1].is_waiting, 1);
    assert_true(handoff_has_idle_sibling(handoff, 0));
    assert_false(handoff_has_idle_sibling(handoff, 1));
    atomic_store(&rows[2].is_waiting, 1);
    assert_true(handoff_has_idle_sibling(handoff, 1));
}

/* What stands in rows that are not in use concerns nobody. */
static void test_no_look_goes_beyond_the_rows_in_use(void **state)
{
    const struct handoff *handoff = *state;

    assert_int_equal(handoff_row_end(handoff), 3);
    atomic_store(&handoff->board->rows[2].is_waiting, 1);
    handoff_set_row_end(handoff, 2);
    assert_false(handoff_has_idle_sibling(handoff, 0));
    handoff_set_row_end(handoff, 3);
    assert_true(handoff_has_idle_sibling(handoff, 0));
    handoff_set_row_end(handoff, 1000);
    assert_int_equal(handoff_row_end(handoff), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_one_nudge_at_a_time),
        QUEUE_TEST(test_nudges_are_skipped),
        QUEUE_TEST(test_a_nudge_into_a_full_queue_is_given_up),
        QUEUE_TEST(test_peek_takes_nothing),
        QUEUE_TEST(test_peek_shows_a_nudge),
        QUEUE_TEST(test_a_count_left_too_high_is_mended),
        QUEUE_TEST(test_a_count_that_moves_is_believed),
        QUEUE_TEST(test_a_count_left_too_low_does_no_harm),
        QUEUE_TEST(test_idle_siblings),
        QUEUE_TEST(test_no_look_goes_beyond_the_rows_in_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
