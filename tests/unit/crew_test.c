/* SPDX-License-Identifier: MIT
 * The life of slots on a clock of our own: when attempts are due, what counts as a failure, when the server gives up.
 */
#include "crew.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "notice.h"

#define SECONDS(n) ((int64_t)((n)*1000000))

static const int64_t START = SECONDS(1000);

/* From empty to ready. */
static void make_ready(struct slot *slot, uint64_t serial, pid_t pid, int64_t now_us)
{
    slot_order(slot, serial, -1, now_us, 0);
    slot_begin(slot, pid);
    slot_become_ready(slot, now_us);
    if (slot->state == SLOT_HELD)
        slot_let_go(slot);
}

/* Places for `workers` of a generation, and its zygote's: slots[workers * 2]. */
static void add_generation(struct crew *crew, int workers, int generation)
{
    if (crew->has_zygotes)
        assert_non_null(crew_add(crew, 0, generation, START));
    for (int number = 1; number <= workers; number++)
        assert_non_null(crew_add(crew, number, generation, START));
}

/* With room for twice as many. */
static struct crew make_crew(int workers, bool has_zygotes)
{
    struct crew crew;

    assert_int_equal(crew_init(&crew, 2 * workers, has_zygotes), 0);
    add_generation(&crew, workers, 1);
    return crew;
}

static void fail_once(struct slot *slot, int64_t now_us)
{
    slot_order(slot, 1, -1, now_us, 0);
    slot_begin(slot, 10);
    slot_end(slot, now_us);
}

static void test_failed_starts_back_off_to_thirty_seconds(void **state)
{
    static const double delays[] = {0.5, 1, 2, 4, 8, 16, 30, 30, 30};
    struct slot slot;

    (void)state;
    slot_init(&slot, 1, 0, 1, START);
    assert_true(slot.start_us == START);
    for (size_t i = 0; i < ARRAY_COUNT(delays); i++) {
        fail_once(&slot, START);
        assert_true(slot.start_us == START + SECONDS(delays[i]));
        assert_true(slot.has_failed);
        assert_int_equal(slot.state, SLOT_EMPTY);
    }
}

static void test_a_start_that_succeeds_is_forgiven_once_it_has_lasted(void **state)
{
    struct slot slot;

    (void)state;
    slot_init(&slot, 1, 0, 1, START);
    fail_once(&slot, START);
    fail_once(&slot, START);
    make_ready(&slot, 2, 11, START);
    slot_end(&slot, START + SECONDS(5));
    assert_true(slot.start_us == START + SECONDS(5));
    fail_once(&slot, START);
    assert_true(slot.start_us == START + SECONDS(0.5));
}

static void test_early_deaths_are_free_once_then_back_off(void **state)
{
    static const double delays[] = {0, 0.5, 1, 2};
    struct slot slot;

    (void)state;
    slot_init(&slot, 1, 0, 1, START);
    for (size_t i = 0; i < ARRAY_COUNT(delays); i++) {
        make_ready(&slot, i, 11, START);
        slot_end(&slot, START + SECONDS(0.1));
        assert_true(slot.start_us == START + SECONDS(0.1) + SECONDS(delays[i]));
        assert_false(slot.has_failed);
    }
}

static void test_a_worker_that_ends_itself_at_once_backs_off_too(void **state)
{
    static const double delays[] = {0, 0.5, 1};
    struct slot slot;

    (void)state;
    slot_init(&slot, 1, 0, 1, START);
    for (size_t i = 0; i < ARRAY_COUNT(delays); i++) {
        make_ready(&slot, 1, 11, START);
        slot_drain(&slot, SLOT_NEVER);
        slot_end(&slot, START + 1);
        assert_true(slot.start_us == START + 1 + SECONDS(delays[i]));
    }
}

static void test_draining_tells_the_process(void **state)
{
    struct slot slot;
    struct notice_logs logs;
    int ends[2];

    (void)state;
    assert_int_equal(notice_open_channel(ends), 0);
    slot_init(&slot, 1, 0, 1, START);
    slot_order(&slot, 1, ends[0], START, SECONDS(60));
    assert_true(slot.deadline_us == START + SECONDS(60));
    slot_begin(&slot, 11);
    slot_become_ready(&slot, START);
    assert_true(slot.deadline_us == SLOT_NEVER);
    slot_drain(&slot, START + SECONDS(30));
    assert_true(slot.deadline_us == START + SECONDS(30));
    assert_int_equal(notice_take_word(ends[1], &logs), NOTICE_END);
    slot_end(&slot, START);
    assert_int_equal(slot.control_fd, -1);
    assert_int_equal(send(ends[1], "x", 1, MSG_NOSIGNAL), -1);
    close(ends[1]);
}

static void test_a_pid_that_comes_late_does_not_undo_the_end(void **state)
{
    struct slot slot;

    (void)state;
    slot_init(&slot, 1, 0, 1, START);
    slot_order(&slot, 1, -1, START, 0);
    slot_drain(&slot, SLOT_NEVER);
    slot_begin(&slot, 11);
    assert_int_equal(slot.state, SLOT_DRAINING);
    assert_int_equal(slot.pid, 11);
}

static void test_a_cancelled_order_is_no_failure(void **state)
{
    struct slot slot;

    (void)state;
    slot_init(&slot, 1, 0, 1, START);
    slot_order(&slot, 1, -1, START, SECONDS(1));
    slot_cancel(&slot, START + 7);
    assert_int_equal(slot.state, SLOT_EMPTY);
    assert_int_equal(slot.failures, 0);
    assert_false(slot.has_failed);
    assert_true(slot.start_us == START + 7);
}

static void test_slots_are_found_by_pid_and_by_serial(void **state)
{
    struct crew crew = make_crew(3, false);

    (void)state;
    make_ready(&crew.slots[1], 42, 1234, START);
    assert_ptr_equal(crew_find_pid(&crew, 1234), &crew.slots[1]);
    assert_null(crew_find_pid(&crew, 1235));
    assert_ptr_equal(crew_find_serial(&crew, 2, 42), &crew.slots[1]);
    assert_null(crew_find_serial(&crew, 2, 41));
    assert_null(crew_find_serial(&crew, 0, 0));
    assert_null(crew_find_serial(&crew, 4, 0));
    assert_null(crew_find_serial(&crew, -1, 0));
    slot_end(&crew.slots[1], START);
    assert_null(crew_find_serial(&crew, 2, 42));
    crew_fini(&crew);
}

static void test_readiness_is_that_of_all_workers(void **state)
{
    struct crew crew = make_crew(2, false);

    (void)state;
    assert_true(crew_is_empty(&crew));
    make_ready(&crew.slots[0], 1, 11, START);
    assert_false(crew_are_all(&crew, 1, SLOT_READY));
    assert_false(crew_is_empty(&crew));
    make_ready(&crew.slots[1], 2, 12, START);
    assert_true(crew_are_all(&crew, 1, SLOT_READY));
    crew_fini(&crew);
}

static void test_hopeless_when_every_first_attempt_failed(void **state)
{
    struct crew crew = make_crew(2, false);

    (void)state;
    assert_false(crew_is_hopeless(&crew, 1));
    fail_once(&crew.slots[0], START);
    fail_once(&crew.slots[0], START);
    assert_false(crew_is_hopeless(&crew, 1));
    fail_once(&crew.slots[1], START);
    assert_true(crew_is_hopeless(&crew, 1));
    crew_fini(&crew);
}

static void test_never_hopeless_once_a_worker_was_ready(void **state)
{
    struct crew crew = make_crew(2, false);

    (void)state;
    make_ready(&crew.slots[0], 1, 11, START);
    slot_end(&crew.slots[0], START);
    fail_once(&crew.slots[0], START);
    fail_once(&crew.slots[1], START);
    assert_false(crew_is_hopeless(&crew, 1));
    crew_fini(&crew);
}

static void test_a_zygote_that_fails_at_first_is_hopeless(void **state)
{
    struct crew crew = make_crew(2, true);

    (void)state;
    fail_once(&crew.slots[4], START);
    assert_true(crew_is_hopeless(&crew, 1));
    crew_fini(&crew);

    crew = make_crew(2, true);
    make_ready(&crew.slots[4], 1, 10, START);
    slot_end(&crew.slots[4], START);
    fail_once(&crew.slots[4], START);
    assert_false(crew_is_hopeless(&crew, 1));
    crew_fini(&crew);
}

static void test_workers_wait_for_their_zygote(void **state)
{
    struct crew crew = make_crew(2, true);

    (void)state;
    assert_true(crew_is_due(&crew, &crew.slots[4], START));
    assert_false(crew_is_due(&crew, &crew.slots[0], START));
    slot_order(&crew.slots[4], 1, -1, START, SECONDS(60));
    slot_begin(&crew.slots[4], 10);
    assert_false(crew_is_due(&crew, &crew.slots[4], START));
    assert_false(crew_is_due(&crew, &crew.slots[0], START));
    /* Only the zygote's own deadline counts: the workers' turn has not come. */
    assert_true(crew_next_us(&crew, true) == START + SECONDS(60));
    slot_become_ready(&crew.slots[4], START);
    assert_true(crew_is_due(&crew, &crew.slots[0], START));
    assert_true(crew_next_us(&crew, true) == START);
    crew_fini(&crew);
}

static void test_next_moment_is_the_earliest(void **state)
{
    struct crew crew = make_crew(3, false);

    (void)state;
    for (int number = 1; number <= 3; number++)
        make_ready(&crew.slots[number - 1], (uint64_t)number, 10 + number, START);
    assert_true(crew_next_us(&crew, true) == SLOT_NEVER);
    slot_drain(&crew.slots[0], START + SECONDS(30));
    slot_drain(&crew.slots[1], START + SECONDS(20));
    assert_true(crew_next_us(&crew, true) == START + SECONDS(20));
    slot_end(&crew.slots[2], START + SECONDS(2));
    assert_true(crew_next_us(&crew, true) == START + SECONDS(2));
    assert_true(crew_next_us(&crew, false) == START + SECONDS(20));
    crew_fini(&crew);
}

static void test_a_generation_takes_the_rows_that_are_free(void **state)
{
    struct crew crew = make_crew(2, true);

    (void)state;
    assert_int_equal(crew_room(&crew), 2);
    assert_int_equal(crew_row_end(&crew), 2);
    add_generation(&crew, 2, 2);
    assert_int_equal(crew_room(&crew), 0);
    assert_int_equal(crew_row_end(&crew), 4);
    assert_null(crew_add(&crew, 3, 2, START));
    assert_int_equal(crew.slots[2].row, 2);
    assert_int_equal(crew.slots[2].number, 1);
    assert_int_equal(crew.slots[2].generation, 2);
    crew_remove(&crew.slots[0]);
    crew_remove(&crew.slots[1]);
    assert_int_equal(crew_row_end(&crew), 4);
    assert_int_equal(crew_add(&crew, 1, 3, START)->row, 0);
    assert_int_equal(crew_count(&crew, 1), 0);
    assert_int_equal(crew_count(&crew, 2), 2);
    assert_int_equal(crew_count(&crew, 3), 1);
    crew_fini(&crew);
}

static void test_workers_are_held_until_all_are_ready(void **state)
{
    struct crew crew = make_crew(2, false);

    (void)state;
    slot_order(&crew.slots[0], 1, -1, START, 0);
    slot_begin(&crew.slots[0], 11);
    slot_become_ready(&crew.slots[0], START);
    assert_int_equal(crew.slots[0].state, SLOT_HELD);
    assert_false(crew_are_all(&crew, 1, SLOT_HELD));
    assert_false(crew_are_all(&crew, 2, SLOT_HELD));
    slot_order(&crew.slots[1], 2, -1, START, 0);
    slot_begin(&crew.slots[1], 12);
    slot_become_ready(&crew.slots[1], START);
    assert_true(crew_are_all(&crew, 1, SLOT_HELD));
    crew_fini(&crew);
}

static void test_a_last_process_is_not_followed(void **state)
{
    struct crew crew = make_crew(2, false);

    (void)state;
    make_ready(&crew.slots[0], 1, 11, START);
    crew.slots[0].is_last = true;
    slot_end(&crew.slots[0], START);
    assert_false(crew_is_due(&crew, &crew.slots[0], START));
    assert_int_equal(crew_count(&crew, 1), 1);
    make_ready(&crew.slots[1], 2, 12, START);
    assert_true(crew_are_all(&crew, 1, SLOT_READY));
    assert_int_equal(crew_count_taken(&crew, 1), 1);
    crew_fini(&crew);
}

static void test_each_generation_waits_for_its_own_zygote(void **state)
{
    struct crew crew = make_crew(2, true);

    (void)state;
    make_ready(crew_find_zygote(&crew, 1), 1, 10, START);
    add_generation(&crew, 2, 2);
    assert_true(crew_is_due(&crew, &crew.slots[0], START));
    assert_false(crew_is_due(&crew, &crew.slots[2], START));
    make_ready(crew_find_zygote(&crew, 2), 2, 20, START);
    assert_true(crew_is_due(&crew, &crew.slots[2], START));
    assert_null(crew_find_zygote(&crew, 3));
    crew_fini(&crew);
}

static void test_there_is_room_for_twice_as_many_and_some(void **state)
{
    (void)state;
    assert_int_equal(crew_most_workers(1), 17);
    assert_int_equal(crew_most_workers(16), 32);
    assert_int_equal(crew_most_workers(100), 200);
    assert_int_equal(crew_most_workers(1024), 1024);
    assert_int_equal(crew_row_count(1024), 2048);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failed_starts_back_off_to_thirty_seconds),
        cmocka_unit_test(test_a_start_that_succeeds_is_forgiven_once_it_has_lasted),
        cmocka_unit_test(test_early_deaths_are_free_once_then_back_off),
        cmocka_unit_test(test_a_worker_that_ends_itself_at_once_backs_off_too),
        cmocka_unit_test(test_draining_tells_the_process),
        cmocka_unit_test(test_a_pid_that_comes_late_does_not_undo_the_end),
        cmocka_unit_test(test_a_cancelled_order_is_no_failure),
        cmocka_unit_test(test_slots_are_found_by_pid_and_by_serial),
        cmocka_unit_test(test_readiness_is_that_of_all_workers),
        cmocka_unit_test(test_hopeless_when_every_first_attempt_failed),
        cmocka_unit_test(test_never_hopeless_once_a_worker_was_ready),
        cmocka_unit_test(test_a_zygote_that_fails_at_first_is_hopeless),
        cmocka_unit_test(test_workers_wait_for_their_zygote),
        cmocka_unit_test(test_next_moment_is_the_earliest),
        cmocka_unit_test(test_a_generation_takes_the_rows_that_are_free),
        cmocka_unit_test(test_workers_are_held_until_all_are_ready),
        cmocka_unit_test(test_a_last_process_is_not_followed),
        cmocka_unit_test(test_each_generation_waits_for_its_own_zygote),
        cmocka_unit_test(test_there_is_room_for_twice_as_many_and_some),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
