/* SPDX-License-Identifier: MIT
 * Lines about refusals: so many a second, and every one that is left out is told of once. */
#include "h1_log_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const int64_t NOW = 5000000;

static void so_many_lines_then_none(void **state)
{
    struct h1_log_limit limit;
    uint64_t left_out;

    (void)state;
    h1_log_limit_init(&limit);
    for (int i = 0; i < H1_LOG_LIMIT_LINES; i++)
        assert_true(h1_log_limit_allows(&limit, NOW + i, &left_out));
    assert_false(h1_log_limit_has_more(&limit));
    assert_false(h1_log_limit_allows(&limit, NOW + H1_LOG_LIMIT_PERIOD_US - 1, &left_out));
    assert_int_equal(left_out, 0);
    assert_true(h1_log_limit_has_more(&limit));
}

static void the_next_period_tells_how_many(void **state)
{
    struct h1_log_limit limit;
    uint64_t left_out;

    (void)state;
    h1_log_limit_init(&limit);
    for (int i = 0; i < H1_LOG_LIMIT_LINES + 7; i++)
        h1_log_limit_allows(&limit, NOW, &left_out);
    assert_true(h1_log_limit_allows(&limit, NOW + H1_LOG_LIMIT_PERIOD_US, &left_out));
    assert_int_equal(left_out, 7);
    assert_true(h1_log_limit_allows(&limit, NOW + H1_LOG_LIMIT_PERIOD_US, &left_out));
    assert_int_equal(left_out, 0);
    assert_int_equal(h1_log_limit_take(&limit), 0);
}

static void what_was_taken_is_not_told_again(void **state)
{
    struct h1_log_limit limit;
    uint64_t left_out;

    (void)state;
    h1_log_limit_init(&limit);
    for (int i = 0; i < H1_LOG_LIMIT_LINES + 3; i++)
        h1_log_limit_allows(&limit, NOW, &left_out);
    assert_int_equal(h1_log_limit_take(&limit), 3);
    assert_false(h1_log_limit_has_more(&limit));
    assert_true(h1_log_limit_allows(&limit, NOW + 2 * H1_LOG_LIMIT_PERIOD_US, &left_out));
    assert_int_equal(left_out, 0);
}

static void all_events_have_one_limit(void **state)
{
    int allowed = 0;

    (void)state;
    for (int i = 0; i < 5 * H1_LOG_LIMIT_LINES; i++)
        allowed += h1_log_limit_allows_event();
    assert_in_range(allowed, H1_LOG_LIMIT_LINES, 4 * H1_LOG_LIMIT_LINES);
    assert_true(h1_log_limit_has_more_events());
    h1_log_limit_tell_events();
    assert_false(h1_log_limit_has_more_events());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_lines_then_none),
        cmocka_unit_test(the_next_period_tells_how_many),
        cmocka_unit_test(what_was_taken_is_not_told_again),
        cmocka_unit_test(all_events_have_one_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
