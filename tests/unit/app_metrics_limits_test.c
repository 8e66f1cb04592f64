/* SPDX-License-Identifier: MIT
 * The arena of application metrics: what who reads it does not do for whoever writes it. */
#include "app_metrics.h"

#include "buf.h"
#include "unit.h"

enum { BYTES = 1 << 20, SEATS = 4 };

static struct app_metrics *metrics;
static struct buf text;

static int set_up(void **state)
{
    (void)state;
    metrics = app_metrics_new(BYTES, SEATS);
    assert_non_null(metrics);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    app_metrics_free(metrics);
    buf_fini(&text);
    return 0;
}

static bool shows(const char *line)
{
    text.len = 0;
    assert_int_equal(app_metrics_print(metrics, &text), 0);
    assert_int_equal(buf_append(&text, slice_of("", 1)), 0);
    return strstr(text.ptr, line) != NULL;
}

/* A family with more bounds than any can have would cost whoever reads it time for each of them. */
static void test_too_many_bounds(void **state)
{
    static double bounds[APP_METRIC_BOUNDS + 1];
    struct app_metric_family family = {.kind = APP_METRIC_HISTOGRAM, .name = SLICE("h"), .bounds = bounds};
    uint32_t id;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bounds); i++)
        bounds[i] = (double)i;
    family.bound_count = APP_METRIC_BOUNDS + 1;
    assert_int_equal(app_metrics_family(metrics, &family, &id), 0);
    assert_false(shows("# TYPE h histogram\n"));
    family.bound_count = APP_METRIC_BOUNDS;
    assert_int_equal(app_metrics_family(metrics, &family, &id), 0);
    assert_true(shows("# TYPE h histogram\n"));
}

/* A small arena can stand for much text: a bucket has all the labels of its series. */
static void test_text_has_an_end(void **state)
{
    enum { LABELS = 16, MANY = 24 };
    static char names[LABELS][8], value[APP_METRIC_VALUE_BYTES];
    static double bounds[APP_METRIC_BOUNDS];
    struct slice labels[LABELS], values[LABELS];
    struct app_metric_family family = {
        .kind = APP_METRIC_HISTOGRAM, .label_names = labels, .label_count = LABELS, .bounds = bounds};
    app_metric_cell *cells;
    size_t count;
    uint32_t id;

    (void)state;
    memset(value, 'x', sizeof(value));
    for (int i = 0; i < LABELS; i++) {
        labels[i] = slice_of(names[i], (size_t)snprintf(names[i], sizeof(names[i]), "l%d", i));
        values[i] = slice_of(value, sizeof(value));
    }
    for (size_t i = 0; i < ARRAY_COUNT(bounds); i++)
        bounds[i] = (double)i;
    family.bound_count = ARRAY_COUNT(bounds);
    family.name = SLICE("h");
    assert_int_equal(app_metrics_family(metrics, &family, &id), 0);
    for (int i = 0; i < MANY; i++) {
        value[0] = (char)('a' + i);
        assert_int_equal(app_metrics_series(metrics, id, values, LABELS, &cells, &count), 0);
    }
    assert_true(shows("# TYPE h histogram\n"));
    assert_true(text.len < APP_METRICS_TEXT_BYTES + (4 << 20));
    assert_false(shows("\nclutch_app_metrics_hidden_series 0\n"));
    assert_true(shows("\nclutch_app_metrics_hidden_series "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_too_many_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text_has_an_end, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
