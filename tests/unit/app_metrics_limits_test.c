/* SPDX-License-Identifier: MIT
 * The arena of application metrics: when it is full, when nonsense is in it, and what who reads it does not do for
 * whoever writes it. */
#include "app_metrics_support.h"

#include <errno.h>

enum { LARGE_BYTES = 1 << 20, SCRAMBLES = 3000 };

static void test_full(void **state)
{
    uint32_t family = add_family(APP_METRIC_COUNTER, APP_METRIC_SUM, "full", "n");
    char value[APP_METRIC_VALUE_BYTES + 1];
    struct slice label = slice_of(value, APP_METRIC_VALUE_BYTES);
    app_metric_cell *cells;
    size_t count = 0;
    int added = 0;

    (void)state;
    memset(value, 'x', sizeof(value));
    for (int result = 0; result == 0; added++) {
        memcpy(value, &added, sizeof(added));
        result = app_metrics_series(metrics, family, &label, 1, &cells, &count);
        assert_true(result == 0 || result == -ENOSPC);
    }
    assert_in_range(added, 50, 64);
    assert_int_equal(count, 1);
    assert_true(app_metrics_note_dropped(metrics));
    assert_false(app_metrics_note_dropped(metrics));
    assert_has("\nclutch_app_metrics_dropped_total 2\n");
    label.len = APP_METRIC_VALUE_BYTES + 1;
    assert_int_equal(app_metrics_series(metrics, family, &label, 1, &cells, &count), -EMSGSIZE);
    assert_int_equal(app_metrics_series(metrics, family + 8, &label, 1, &cells, &count), -EINVAL);
    assert_int_equal(app_metrics_series(metrics, UINT32_MAX, &label, 1, &cells, &count), -EINVAL);
}

/* Every line is a comment or a sample, whatever a worker has left in the arena. */
static void assert_is_text(const char *at)
{
    while (*at != '\0') {
        const char *end = strchr(at, '\n');

        assert_non_null(end);
        assert_true(strncmp(at, "# HELP ", 7) == 0 || strncmp(at, "# TYPE ", 7) == 0 ||
                    (memchr(at, ' ', (size_t)(end - at)) != NULL && *at != ' ' && *at != '#'));
        at = end + 1;
    }
}

static void fill(void)
{
    add_series(add_family(APP_METRIC_COUNTER, APP_METRIC_SUM, "a", "n"), "1");
    add_series(add_family(APP_METRIC_GAUGE, APP_METRIC_MAX, "b", NULL), NULL);
    add_series(add_family(APP_METRIC_HISTOGRAM, APP_METRIC_SUM, "c", "n"), "2");
}

static void test_nonsense(void **state)
{
    struct slice label = SLICE("new");
    size_t used, size;
    char *records;

    (void)state;
    fill();
    srand(7); /* the same nonsense every time */
    records = app_arena_records(metrics);
    used = app_arena_used(metrics);
    size = app_arena_capacity(metrics);
    for (int i = 0; i < SCRAMBLES; i++) {
        uint32_t family = (uint32_t)rand() % (uint32_t)size & ~7U;
        app_metric_cell *cells = NULL;
        size_t count = 0;

        records[(size_t)rand() % used] = (char)rand();
        if (i % 100 == 0)
            atomic_store(&app_arena_of(metrics)->used, (uint32_t)rand());
        if (i % 50 == 0)
            atomic_store(&app_arena_seats(metrics)[rand() % SEATS], (int64_t)rand() - rand());
        assert_is_text(print());
        if (app_metrics_series(metrics, family, &label, 1, &cells, &count) == 0)
            assert_true((uintptr_t)cells >= (uintptr_t)records &&
                        (uintptr_t)(cells + count) <= (uintptr_t)records + size);
        app_metrics_sit(metrics);
    }
    atomic_store(&app_arena_of(metrics)->used, UINT32_MAX);
    assert_is_text(print());
}

/* A lock whose holder is gone, or was never there. */
static void test_lock_left_held(void **state)
{
    (void)state;
    atomic_store(&app_arena_of(metrics)->lock.word, 0x3FFFFFFF);
    fill();
    assert_has("\na_total{n=\"1\"} 0\n");
}

static int set_up_large(void **state)
{
    (void)state;
    return set_up_bytes(LARGE_BYTES);
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
    assert_has_not("# TYPE h histogram\n");
    family.bound_count = APP_METRIC_BOUNDS;
    assert_int_equal(app_metrics_family(metrics, &family, &id), 0);
    assert_has("# TYPE h histogram\n");
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
    assert_has("# TYPE h histogram\n");
    assert_true(text.len < APP_METRICS_TEXT_BYTES + (4 << 20));
    assert_has_not("\nclutch_app_metrics_hidden_series 0\n");
    assert_has("\nclutch_app_metrics_hidden_series ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        METRICS_TEST(test_full),
        METRICS_TEST(test_nonsense),
        METRICS_TEST(test_lock_left_held),
        cmocka_unit_test_setup_teardown(test_too_many_bounds, set_up_large, tear_down),
        cmocka_unit_test_setup_teardown(test_text_has_an_end, set_up_large, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
