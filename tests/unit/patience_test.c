/* SPDX-License-Identifier: MIT
 * How long may be waited for readers, with times of the test's own. */
#include "unit.h"

#include "patience.h"

enum { S = 1000000 };

static void a_second_is_saved_and_no_more(void **state)
{
    struct patience patience = {0};

    (void)state;
    assert_int_equal(patience_left_us(&patience, 1000LL * S), S);
    patience_use(&patience, 1000LL * S, S);
    assert_int_equal(patience_left_us(&patience, 1000LL * S), 0);
    assert_int_equal(patience_left_us(&patience, 1001LL * S), S / 10);
    assert_int_equal(patience_left_us(&patience, 1005LL * S), S / 2);
    assert_int_equal(patience_left_us(&patience, 2000LL * S), S);
}

/* Whoever always waits as long as he may waits a tenth of the time. */
static void a_tenth_of_the_time(void **state)
{
    struct patience patience = {0};
    int64_t now_us = 1000LL * S, used_us = 0;

    (void)state;
    while (now_us < 1100LL * S) {
        int64_t left_us = patience_left_us(&patience, now_us);

        now_us += left_us;
        patience_use(&patience, now_us, left_us);
        used_us += left_us;
        now_us += 1000;
    }
    assert_in_range(used_us, 10 * S, 12 * S);
}

static void threads_may_owe(void **state)
{
    struct patience patience = {0};

    (void)state;
    for (int i = 0; i < 3; i++)
        patience_use(&patience, 1000LL * S, S);
    assert_true(patience_left_us(&patience, 1015LL * S) <= 0);
    assert_int_equal(patience_left_us(&patience, 1025LL * S), S / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_is_saved_and_no_more),
        cmocka_unit_test(a_tenth_of_the_time),
        cmocka_unit_test(threads_may_owe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
