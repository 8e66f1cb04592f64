/* SPDX-License-Identifier: MIT
 * The arena of application metrics: what is printed. */
#include "app_metrics_support.h"

#include <math.h>

static void test_counter(void **state)
{
    uint32_t jobs = add_family(APP_METRIC_COUNTER, APP_METRIC_SUM, "jobs", "kind");

    (void)state;
    app_metric_add(add_series(jobs, "a"), 1);
    app_metric_add(add_series(jobs, "a"), 0.25);
    app_metric_add(add_series(jobs, "quote\" slash\\ line\n \xc3\xa9 \xff"), 2);
    assert_has("# HELP jobs_total Some \"help\\\\\"\\nof two lines.\n# TYPE jobs_total counter\n");
    assert_has("\njobs_total{kind=\"a\"} 1.25\n");
    assert_has("\njobs_total{kind=\"quote\\\" slash\\\\ line\\n \xc3\xa9 ?\"} 2\n");
}

static void test_numbers(void **state)
{
    app_metric_cell *cell = add_series(add_family(APP_METRIC_GAUGE, APP_METRIC_LAST, "g", NULL), NULL);

    (void)state;
    assert_has_not("\ng ");
    app_metric_set(cell, 0.1);
    assert_has("\ng 0.1\n");
    app_metric_set(cell, -1e300);
    assert_has("\ng -1e+300\n");
    app_metric_set(cell, (double)INFINITY);
    assert_has("\ng +Inf\n");
    app_metric_set(cell, (double)NAN);
    assert_has("\ng NaN\n");
    app_metric_set(cell, 1764142840.5);
    assert_has("\ng 1764142840.5\n");
}

static void test_histogram(void **state)
{
    app_metric_cell *cells = add_series(add_family(APP_METRIC_HISTOGRAM, APP_METRIC_SUM, "took", NULL), NULL);

    (void)state;
    app_metric_add(&cells[0], 3.5);
    app_metric_count(&cells[1]);
    app_metric_count(&cells[3]);
    app_metric_count(&cells[4]);
    assert_has("# TYPE took histogram\ntook_bucket{le=\"0.1\"} 1\ntook_bucket{le=\"1.0\"} 1\ntook_bucket{le=\"2.5\"} "
               "2\ntook_bucket{le=\"+Inf\"} 3\ntook_count 3\ntook_sum 3.5\n");
}

static void test_series_stand_with_their_family(void **state)
{
    uint32_t one = add_family(APP_METRIC_COUNTER, APP_METRIC_SUM, "one", "n");
    uint32_t two = add_family(APP_METRIC_COUNTER, APP_METRIC_SUM, "two", "n");

    (void)state;
    add_series(two, "1");
    add_series(one, "1");
    add_series(two, "2");
    add_series(one, "2");
    assert_has("one_total{n=\"1\"} 0\none_total{n=\"2\"} 0\n# HELP two_total");
    assert_has("two_total{n=\"1\"} 0\ntwo_total{n=\"2\"} 0\n");
}

static void test_the_last_definition_counts(void **state)
{
    uint32_t before = add_family(APP_METRIC_COUNTER, APP_METRIC_SUM, "x", NULL), after;

    (void)state;
    add_series(before, NULL);
    after = add_family(APP_METRIC_COUNTER, APP_METRIC_SUM, "x", "label");
    assert_int_not_equal(before, after);
    add_series(after, "v");
    assert_has("\nx_total{label=\"v\"} 0\n");
    assert_has_not("\nx_total 0\n");
    assert_int_equal(add_family(APP_METRIC_COUNTER, APP_METRIC_SUM, "x", NULL), before);
    assert_has("\nx_total 0\n");
    assert_has_not("x_total{");
    add_series(add_family(APP_METRIC_GAUGE, APP_METRIC_SUM, "x_total", NULL), NULL);
    assert_has("# TYPE x_total gauge\nx_total 0\n");
    assert_has_not("counter\nx_total");
}

static void test_names(void **state)
{
    (void)state;
    assert_true(app_metrics_is_name(SLICE("a:b_9")) && app_metrics_is_label(SLICE("_a9")));
    assert_false(app_metrics_is_name(SLICE("")) || app_metrics_is_name(SLICE("9a")) ||
                 app_metrics_is_name(SLICE("a-b")));
    assert_false(app_metrics_is_name(SLICE("clutch_x")));
    assert_false(app_metrics_is_label(SLICE("a:b")) || app_metrics_is_label(SLICE("__a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        METRICS_TEST(test_counter),
        METRICS_TEST(test_numbers),
        METRICS_TEST(test_histogram),
        METRICS_TEST(test_series_stand_with_their_family),
        METRICS_TEST(test_the_last_definition_counts),
        METRICS_TEST(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
