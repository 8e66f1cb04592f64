/* SPDX-License-Identifier: MIT
 * The arena of application metrics: threads and processes that write at the same time, and those that have died. */
#include "app_metrics_support.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 2000, SERIES = 50 };

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        METRICS_TEST(test_gauges_are_of_the_living),
        METRICS_TEST(test_seats_of_the_dead_are_taken),
        METRICS_TEST(test_threads),
        METRICS_TEST(test_processes),
        METRICS_TEST(test_killed_while_registering),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
