/* SPDX-License-Identifier: MIT
 * What app threads count: buckets, sums, classes of statuses, busy time. */
#include "counters.h"

#include "scoreboard.h"
#include "unit.h"

/* The slow way to find a bucket. */
static unsigned expected_bucket(int64_t duration_us)
{
    unsigned bucket = 0;

    while (duration_us > histogram_bound_us(bucket))
        bucket++;
    return bucket;
}

static void test_every_duration_finds_its_bucket(void **state)
{
    (void)state;
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS - 1; bucket++) {
        assert_int_equal(histogram_bucket(histogram_bound_us(bucket)), bucket);
        assert_int_equal(histogram_bucket(histogram_bound_us(bucket) + 1), bucket + 1);
    }
    for (int64_t us = 0; us < 70000000; us += us < 200000 ? 1 : 997)
        assert_int_equal(histogram_bucket(us), expected_bucket(us));
    for (int bit = 0; bit < 63; bit++)
        assert_int_equal(histogram_bucket((int64_t)1 << bit), expected_bucket((int64_t)1 << bit));
    assert_int_equal(histogram_bucket(-5), 0);
    assert_int_equal(histogram_bucket(INT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void test_bounds_rise_and_their_texts_say_them(void **state)
{
    (void)state;
    assert_int_equal(histogram_bound_us(0), HISTOGRAM_SHORT_US);
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS - 1; bucket++) {
        assert_true(histogram_bound_us(bucket) < histogram_bound_us(bucket + 1));
        assert_true(atof(histogram_bound(bucket)) * 1e6 == (double)histogram_bound_us(bucket));
    }
}

static void test_requests_are_counted_by_class(void **state)
{
    const int statuses[] = {101, 200, 204, 302, 404, 499, 500, 503};
    const int64_t times_us[COUNTERS_TIMES] = {
        [COUNTERS_QUEUE] = 0, [COUNTERS_GIL] = -3, [COUNTERS_APP] = 4000, [COUNTERS_WHOLE] = 90000000};
    struct counters counters = {.body_bytes = 0};
    struct counters_sum sum = {.body_bytes = 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(statuses); i++)
        counters_add(&counters, statuses[i], 10, 5000, times_us);
    counters_add_to_sum(&counters, &sum);
    counters_add_to_sum(&counters, &sum); /* of two threads that have counted the same */
    assert_int_equal(sum.responses[COUNTERS_1XX], 2);
    assert_int_equal(sum.responses[COUNTERS_2XX], 4);
    assert_int_equal(sum.responses[COUNTERS_3XX], 2);
    assert_int_equal(sum.responses[COUNTERS_4XX], 2);
    assert_int_equal(sum.responses[COUNTERS_5XX], 4);
    assert_int_equal(sum.responses[COUNTERS_499], 2);
    assert_int_equal(sum.body_bytes, 160);
    assert_int_equal(sum.busy_us, 80000);
    assert_int_equal(sum.times[COUNTERS_QUEUE].counts[0], 16);
    assert_int_equal(sum.times[COUNTERS_GIL].counts[0], 16);
    assert_int_equal(sum.times[COUNTERS_GIL].sum_us, 0);
    assert_int_equal(sum.times[COUNTERS_APP].counts[2], 16);
    assert_int_equal(sum.times[COUNTERS_APP].sum_us, 64000);
    assert_int_equal(sum.times[COUNTERS_WHOLE].counts[HISTOGRAM_BUCKETS - 1], 16);
}

static void test_the_running_request_counts_as_busy(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(2, 2);
    const int64_t none_us[COUNTERS_TIMES] = {0};

    (void)state;
    counters_add(scoreboard_counters(scoreboard, 1, 1), 200, 0, 700, none_us);
    assert_int_equal(counters_busy_us(scoreboard, 1, 1, 5000), 700);
    scoreboard_begin_request(scoreboard_thread(scoreboard, 1, 1), SLICE("GET"), SLICE("/"), "", "", 4000);
    assert_int_equal(counters_busy_us(scoreboard, 1, 1, 5000), 1700);
    assert_int_equal(counters_busy_us(scoreboard, 1, 1, 3000), 700); /* begun after the look */
    assert_int_equal(counters_busy_us(scoreboard, 1, 0, 5000), 0);
    scoreboard_free(scoreboard);
}

/* Nor the time that the requests of a killed worker have taken. */
static void test_running_requests_of_the_dead_are_counted(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(2, 4);
    const int64_t nonsense_us[] = {INT64_MIN, INT64_MAX};

    (void)state;
    atomic_store(&scoreboard->totals->began_us, 1000);
    scoreboard_enter_row(scoreboard, 1, 2, 1, 1);
    scoreboard_begin_request(scoreboard_thread(scoreboard, 1, 0), SLICE("GET"), SLICE("/"), "", "", 4000);
    scoreboard_begin_request(scoreboard_thread(scoreboard, 1, 1), SLICE("GET"), SLICE("/"), "", "", 5000);
    for (int i = 0; i < 2; i++)
        atomic_store(&scoreboard_thread(scoreboard, 1, 2 + i)->request_started_us, nonsense_us[i]);
    counters_bury(scoreboard, 1, 7000);
    scoreboard_clear_row(scoreboard, 1);
    assert_int_equal(counters_busy_us(scoreboard, 1, 0, 9000), 3000);
    assert_int_equal(counters_busy_us(scoreboard, 1, 1, 9000), 2000);
    assert_int_equal(counters_busy_us(scoreboard, 1, 2, 9000), 0);
    assert_int_equal(counters_busy_us(scoreboard, 1, 3, 9000), 0);
    scoreboard_free(scoreboard);
}

/* A successor goes on where the worker before it was. */
static void test_nothing_is_lost_with_a_worker(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(2, 1);
    struct scoreboard_row *row = scoreboard_row(scoreboard, 1);
    const int64_t none_us[COUNTERS_TIMES] = {0};
    struct counters_sum sum = {.body_bytes = 0};

    (void)state;
    scoreboard_enter_row(scoreboard, 1, 2, 1, 1);
    h1_count(&row->connections.accepted);
    h1_counts_move(&row->connections, WAIT_NONE, WAIT_HEAD);
    h1_counts_move(&row->connections, WAIT_HEAD, WAIT_KEEP_ALIVE);
    assert_int_equal(atomic_load(&row->connections.waiting[WAIT_HEAD]), 0);
    assert_int_equal(atomic_load(&row->connections.waiting[WAIT_KEEP_ALIVE]), 1);
    assert_int_equal(atomic_load(&row->connections.waiting[WAIT_NONE]), 0);
    counters_add(scoreboard_counters(scoreboard, 1, 0), 200, 1, 2, none_us);
    scoreboard_clear_row(scoreboard, 1);
    assert_int_equal(atomic_load(&row->connections.waiting[WAIT_KEEP_ALIVE]), 0);
    scoreboard_enter_row(scoreboard, 1, 2, 2, 9);
    counters_add_to_sum(scoreboard_counters(scoreboard, 1, 0), &sum);
    assert_int_equal(sum.responses[COUNTERS_2XX], 1);
    assert_int_equal(sum.busy_us, 2);
    assert_int_equal(atomic_load(&row->connections.accepted), 1);
    scoreboard_free(scoreboard);
}

static void test_restarts_are_counted_by_cause(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(1, 1);

    (void)state;
    restarts_count(scoreboard, RESTART_OOM);
    restarts_count(scoreboard, RESTART_OOM);
    restarts_count(scoreboard, RESTART_RELOAD);
    assert_int_equal(restarts_of(scoreboard, RESTART_OOM), 2);
    assert_int_equal(restarts_of(scoreboard, RESTART_EXIT), 0);
    assert_string_equal(restarts_label(RESTART_RELOAD), "reload");
    scoreboard_free(scoreboard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_duration_finds_its_bucket),
        cmocka_unit_test(test_bounds_rise_and_their_texts_say_them),
        cmocka_unit_test(test_requests_are_counted_by_class),
        cmocka_unit_test(test_the_running_request_counts_as_busy),
        cmocka_unit_test(test_running_requests_of_the_dead_are_counted),
        cmocka_unit_test(test_nothing_is_lost_with_a_worker),
        cmocka_unit_test(test_restarts_are_counted_by_cause),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
