/* SPDX-License-Identifier: MIT
 * An arena of application metrics for each test, families and series in it, and what it prints. */
#ifndef CLUTCH_APP_METRICS_SUPPORT_H
#define CLUTCH_APP_METRICS_SUPPORT_H

#include "app_metrics.h"

#include "unit.h"

#include "app_metrics_priv.h"
#include "buf.h"

enum { BYTES = 65536, SEATS = 4 };

static struct app_metrics *metrics;
static struct buf text;

static inline int set_up_bytes(size_t bytes)
{
    metrics = app_metrics_new(bytes, SEATS);
    assert_non_null(metrics);
    app_metrics_sit(metrics);
    assert_true(metrics->seat >= 0);
    return 0;
}

static inline int set_up(void **state)
{
    (void)state;
    return set_up_bytes(BYTES);
}

static inline int tear_down(void **state)
{
    (void)state;
    app_metrics_free(metrics);
    buf_fini(&text);
    return 0;
}

static inline uint32_t add_family(enum app_metric_kind kind, enum app_metric_mode mode, const char *name,
                                  const char *label)
{
    static const double bounds[] = {0.1, 1, 2.5};
    struct slice label_name = slice_of_string(label);
    const struct app_metric_family family = {
        .kind = kind,
        .mode = mode,
        .name = slice_of_string(name),
        .help = slice_of_string("Some \"help\\\"\nof two lines."),
        .label_names = &label_name,
        .label_count = label != NULL,
        .bounds = bounds,
        .bound_count = kind == APP_METRIC_HISTOGRAM ? ARRAY_COUNT(bounds) : 0,
    };
    uint32_t id;

    assert_int_equal(app_metrics_family(metrics, &family, &id), 0);
    return id;
}

static inline app_metric_cell *add_series(uint32_t family, const char *value)
{
    struct slice label = slice_of_string(value);
    app_metric_cell *cells;
    size_t count;

    assert_int_equal(app_metrics_series(metrics, family, &label, value != NULL, &cells, &count), 0);
    assert_true(count > 0);
    return cells;
}

static inline const char *print(void)
{
    text.len = 0;
    assert_int_equal(app_metrics_print(metrics, &text), 0);
    assert_int_equal(buf_append(&text, slice_of("", 1)), 0);
    return text.ptr;
}

static inline void assert_has(const char *line)
{
    if (strstr(print(), line) == NULL)
        print_error("not there: '%s' in:\n%s", line, text.ptr);
    assert_non_null(strstr(text.ptr, line));
}

static inline void assert_has_not(const char *line)
{
    assert_null(strstr(print(), line));
}

#define METRICS_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
