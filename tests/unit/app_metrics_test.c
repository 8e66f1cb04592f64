/* SPDX-License-Identifier: MIT
 * The arena of application metrics: what is printed, several processes, deaths, a full arena, nonsense in it. */
#include "app_metrics.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#include "app_metrics_priv.h"
#include "buf.h"

enum { BYTES = 65536, SEATS = 4, THREADS = 4, ROUNDS = 2000, SERIES = 50, SCRAMBLES = 3000 };

static struct app_metrics *metrics;
static struct buf text;

static int set_up(void **state)
{
    (void)state;
    metrics = app_metrics_new(BYTES, SEATS);
    assert_non_null(metrics);
    app_metrics_sit(metrics);
    assert_true(metrics->seat >= 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    app_metrics_free(metrics);
    buf_fini(&text);
    return 0;
}

/* --- Shorthands --- */

static uint32_t add_family(enum app_metric_kind kind, enum app_metric_mode mode, const char *name, const char *label)
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

static app_metric_cell *add_series(uint32_t family, const char *value)
{
    struct slice label = slice_of_string(value);
    app_metric_cell *cells;
    size_t count;

    assert_int_equal(app_metrics_series(metrics, family, &label, value != NULL, &cells, &count), 0);
    assert_true(count > 0);
    return cells;
}

static const char *print(void)
{
    text.len = 0;
    assert_int_equal(app_metrics_print(metrics, &text), 0);
    assert_int_equal(buf_append(&text, slice_of("", 1)), 0);
    return text.ptr;
}

static void assert_has(const char *line)
{
    if (strstr(print(), line) == NULL)
        print_error("not there: '%s' in:\n%s", line, text.ptr);
    assert_non_null(strstr(text.ptr, line));
}

static void assert_has_not(const char *line)
{
    assert_null(strstr(print(), line));
}

static pid_t in_child(void (*run)(void))
{
    pid_t pid = fork();

    if (pid == 0) {
        run();
        _exit(0);
    }
    assert_true(pid > 0);
    return pid;
}

static void reap(pid_t pid)
{
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* --- What is printed --- */

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

/* --- Processes --- */

static uint32_t sum, most, least, latest;
static int ready[2], go[2];

static void set_gauges(double value)
{
    app_metric_set(&add_series(sum, NULL)[metrics->seat], value);
    app_metric_set(&add_series(most, NULL)[metrics->seat], value);
    app_metric_set(&add_series(least, NULL)[metrics->seat], value);
    app_metric_set(add_series(latest, NULL), value);
}

static void set_five_and_wait(void)
{
    char byte;

    app_metrics_sit(metrics);
    set_gauges(5);
    (void)!write(ready[1], "x", 1);
    (void)!read(go[0], &byte, 1);
}

static void test_gauges_are_of_the_living(void **state)
{
    char byte;
    pid_t pid;

    (void)state;
    sum = add_family(APP_METRIC_GAUGE, APP_METRIC_SUM, "sum", NULL);
    most = add_family(APP_METRIC_GAUGE, APP_METRIC_MAX, "most", NULL);
    least = add_family(APP_METRIC_GAUGE, APP_METRIC_MIN, "least", NULL);
    latest = add_family(APP_METRIC_GAUGE, APP_METRIC_LAST, "latest", NULL);
    assert_int_equal(pipe(ready) | pipe(go), 0);
    set_gauges(2);
    pid = in_child(set_five_and_wait);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_has("\nsum 7\n");
    assert_has("\nmost 5\n");
    assert_has("\nleast 2\n");
    assert_has("\nlatest 5\n");
    kill(pid, SIGKILL);
    reap(pid);
    assert_has("\nsum 2\n");
    assert_has("\nmost 2\n");
    assert_has("\nlatest 5\n");
    pid = in_child(set_five_and_wait); /* on the seat of the dead */
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_has("\nsum 7\n");
    kill(pid, SIGKILL);
    reap(pid);
    close(ready[0]);
    close(ready[1]);
    close(go[0]);
    close(go[1]);
}

static void take_seat(void)
{
    app_metrics_sit(metrics);
    _exit(metrics->seat < 0 ? 77 : 0);
}

static void test_seats_of_the_dead_are_taken(void **state)
{
    int wait_status;

    (void)state;
    for (int i = 0; i < 3 * SEATS; i++) {
        pid_t pid = in_child(take_seat);

        assert_int_equal(waitpid(pid, &wait_status, 0), pid);
        assert_int_equal(wait_status, 0);
    }
}

static void register_and_count(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        char value[16];

        snprintf(value, sizeof(value), "%d", round % SERIES);
        app_metric_add(add_series(add_family(APP_METRIC_COUNTER, APP_METRIC_SUM, "c", "n"), value), 1);
    }
}

static void *run_thread(void *context)
{
    register_and_count();
    return context;
}

static void assert_counts(int writers)
{
    char line[40];

    for (int i = 0; i < SERIES; i++) {
        snprintf(line, sizeof(line), "\nc_total{n=\"%d\"} %d\n", i, writers * ROUNDS / SERIES);
        assert_has(line);
    }
}

static void test_threads(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_thread, NULL), 0);
    print();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_counts(THREADS);
}

static void test_processes(void **state)
{
    pid_t pids[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        pids[i] = in_child(register_and_count);
    print();
    for (int i = 0; i < THREADS; i++)
        reap(pids[i]);
    assert_counts(THREADS);
}

static void register_for_ever(void)
{
    for (unsigned i = 0;; i++) {
        char value[16];
        struct slice label = slice_of(value, (size_t)snprintf(value, sizeof(value), "%u", i));
        app_metric_cell *cells;
        size_t count;

        if (app_metrics_series(metrics, sum, &label, 1, &cells, &count) == 0)
            app_metric_add(cells, 1);
        if (i == 20)
            (void)!write(ready[1], "x", 1);
    }
}

/* Wherever the kill meets it, the others go on. */
static void test_killed_while_registering(void **state)
{
    char byte;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    for (int i = 0; i < 20; i++) {
        pid_t pid;

        sum = add_family(APP_METRIC_COUNTER, APP_METRIC_SUM, "s", "n");
        pid = in_child(register_for_ever);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        kill(pid, SIGKILL);
        reap(pid);
        assert_has("\ns_total{n=\"1\"}");
    }
    close(ready[0]);
    close(ready[1]);
}

/* --- Limits and nonsense --- */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_counter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_histogram, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_series_stand_with_their_family, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_last_definition_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gauges_are_of_the_living, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_seats_of_the_dead_are_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_processes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed_while_registering, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nonsense, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lock_left_held, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
