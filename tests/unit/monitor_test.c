/* SPDX-License-Identifier: MIT
 * What the monitor makes of shared memory and of /proc: text for Prometheus, health, sizes. */
#include "monitor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "counters.h"
#include "exposition.h"
#include "handoff.h"
#include "health.h"
#include "listen_queue.h"
#include "monitor_metrics.h"
#include "scoreboard.h"
#include "worker_memory.h"
#include "unit.h"

static void assert_text(struct buf *buf, const char *expected)
{
    assert_int_equal(buf_append(buf, slice_of("", 1)), 0);
    assert_string_equal(buf->ptr, expected);
    buf_fini(buf);
}

/* --- Text --- */

static void test_samples(void **state)
{
    struct buf buf;
    struct exposition out = {.out = &buf};

    (void)state;
    buf_init(&buf);
    exposition_family(&out, "clutch_x_total", "counter", "What it is.");
    exposition_count(&out, "", UINT64_MAX);
    exposition_count(&out, "a=\"b\"", 0);
    exposition_family(&out, "clutch_y_seconds", "gauge", "Time.");
    exposition_seconds(&out, "", 1);
    exposition_seconds(&out, "", -1500000);
    exposition_seconds(&out, "", INT64_C(1795679697895100));
    exposition_gauge(&out, "", -7);
    assert_false(out.lacks_memory);
    assert_text(&buf, "# HELP clutch_x_total What it is.\n"
                      "# TYPE clutch_x_total counter\n"
                      "clutch_x_total 18446744073709551615\n"
                      "clutch_x_total{a=\"b\"} 0\n"
                      "# HELP clutch_y_seconds Time.\n"
                      "# TYPE clutch_y_seconds gauge\n"
                      "clutch_y_seconds 0.000001\n"
                      "clutch_y_seconds -1.500000\n"
                      "clutch_y_seconds 1795679697.895100\n"
                      "clutch_y_seconds -7\n");
}

static void test_histograms_add_up(void **state)
{
    struct histogram_sum sum = {.counts = {3, 0, 1, [HISTOGRAM_BUCKETS - 1] = 2}, .sum_us = 2000001};
    struct buf buf;
    struct exposition out = {.out = &buf, .family = "h"};

    (void)state;
    buf_init(&buf);
    exposition_histogram(&out, &sum);
    assert_int_equal(buf_append(&buf, slice_of("", 1)), 0);
    assert_non_null(strstr(buf.ptr, "h_bucket{le=\"0.001\"} 3\nh_bucket{le=\"0.0025\"} 3\nh_bucket{le=\"0.005\"} 4\n"));
    assert_non_null(strstr(buf.ptr, "h_bucket{le=\"60.0\"} 4\nh_bucket{le=\"+Inf\"} 6\nh_sum 2.000001\nh_count 6\n"));
    buf_fini(&buf);
}

static void test_labels_are_escaped_and_cut(void **state)
{
    char label[EXPOSITION_LABEL_BYTES], longest[2 * EXPOSITION_LABEL_BYTES];

    (void)state;
    assert_string_equal(exposition_label(label, "a", "b\\c\"d\ne"), "a=\"b\\\\c\\\"d\\ne\"");
    memset(longest, '"', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    exposition_label(label, "a", longest);
    assert_true(strlen(label) < sizeof(label));
    assert_string_equal(label + strlen(label) - 3, "\\\"\"");
}

/* --- Health --- */

static void count_poke(void *context)
{
    ++*(int *)context;
}

static bool asks(struct health *health, enum health_probe probe, int64_t now_us)
{
    const char *text = NULL;
    bool is_well = health_ask(health, probe, now_us, &text);

    assert_non_null(text);
    assert_int_equal(text[strlen(text) - 1], '\n');
    return is_well;
}

static void test_paths_of_probes(void **state)
{
    (void)state;
    assert_int_equal(health_find(SLICE("/livez")), HEALTH_LIVE);
    assert_int_equal(health_find(SLICE("/readyz")), HEALTH_READY);
    assert_int_equal(health_find(SLICE("/startupz")), HEALTH_STARTED);
    assert_int_equal(health_find(SLICE("/livez/")), HEALTH_NONE);
    assert_int_equal(health_find(SLICE("")), HEALTH_NONE);
}

/* Nobody wakes an idle master more often than once a second, and one that answers is never taken for dead. */
static void test_the_master_is_poked(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(1, 1);
    _Atomic(int64_t) *beat_us = &scoreboard->totals->master_beat_us;
    int pokes = 0;
    struct health health = {.scoreboard = scoreboard, .poke = count_poke, .context = &pokes};
    const int64_t start_us = INT64_C(1000000000);

    (void)state;
    atomic_store(beat_us, start_us);
    assert_true(asks(&health, HEALTH_LIVE, start_us + 500000));
    assert_int_equal(pokes, 0);
    assert_true(asks(&health, HEALTH_LIVE, start_us + 100000000));
    assert_true(asks(&health, HEALTH_LIVE, start_us + 100000001));
    assert_int_equal(pokes, 1);
    assert_true(asks(&health, HEALTH_LIVE, start_us + 100000000 + HEALTH_PATIENCE_US));
    assert_false(asks(&health, HEALTH_LIVE, start_us + 100000001 + HEALTH_PATIENCE_US));
    assert_int_equal(pokes, 2); /* it may have missed the first */
    atomic_store(beat_us, start_us + 100000002 + HEALTH_PATIENCE_US);
    assert_true(asks(&health, HEALTH_LIVE, start_us + 100000003 + HEALTH_PATIENCE_US));
    assert_true(asks(&health, HEALTH_LIVE, start_us + 900000000));
    assert_int_equal(pokes, 3);
    scoreboard_free(scoreboard);
}

/* A worker can write to where the master says that it lives. */
static void test_nonsense_is_no_dead_master(void **state)
{
    const int64_t nonsense[] = {-1, INT64_MIN, INT64_MAX, 0}, start_us = INT64_C(1000000000);
    struct scoreboard *scoreboard = scoreboard_new(1, 1);
    _Atomic(int64_t) *beat_us = &scoreboard->totals->master_beat_us;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(nonsense); i++) {
        int pokes = 0;
        struct health health = {.scoreboard = scoreboard, .poke = count_poke, .context = &pokes};

        atomic_store(beat_us, nonsense[i]);
        assert_true(asks(&health, HEALTH_LIVE, start_us));
        assert_int_equal(pokes, 1);
        atomic_store(beat_us, start_us + 1); /* that is its answer */
        assert_true(asks(&health, HEALTH_LIVE, start_us));
        assert_true(asks(&health, HEALTH_LIVE, start_us + 2 * HEALTH_PATIENCE_US));
        assert_int_equal(pokes, 2);
        atomic_store(beat_us, nonsense[i]);
        assert_false(asks(&health, HEALTH_LIVE, start_us + 4 * HEALTH_PATIENCE_US));
        assert_int_equal(pokes, 3); /* or nobody would ever put it right */
    }
    scoreboard_free(scoreboard);
}

static void test_ready_and_started(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(3, 1);
    struct health health = {.scoreboard = scoreboard};

    (void)state;
    assert_false(asks(&health, HEALTH_READY, 1));
    scoreboard_enter_row(scoreboard, 2, 1, 1, 1);
    assert_false(asks(&health, HEALTH_READY, 1));
    assert_false(asks(&health, HEALTH_STARTED, 1));
    atomic_store(&scoreboard_row(scoreboard, 2)->state, WORKER_READY);
    atomic_store(&scoreboard->totals->has_started, 1);
    assert_true(asks(&health, HEALTH_READY, 1));
    assert_true(asks(&health, HEALTH_STARTED, 1));
    atomic_store(&scoreboard_row(scoreboard, 2)->state, WORKER_DRAINING);
    assert_false(asks(&health, HEALTH_READY, 1));
    atomic_store(&scoreboard_row(scoreboard, 2)->state, WORKER_READY);
    atomic_store(&scoreboard->totals->is_stopping, 1);
    assert_false(asks(&health, HEALTH_READY, 1));
    assert_true(asks(&health, HEALTH_STARTED, 1));
    scoreboard_free(scoreboard);
}

/* --- Figures --- */

static char *write_all(struct monitor_metrics *metrics, struct buf *buf)
{
    buf->len = 0;
    assert_int_equal(monitor_metrics_write(metrics, buf), 0);
    assert_int_equal(buf_append(buf, slice_of("", 1)), 0);
    return buf->ptr;
}

/* Two rows with one number are one worker; a worker that some application has taken over can tell nonsense, and no
 * more. */
static void test_figures_of_workers(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(4, 1);
    struct handoff handoff;
    const struct monitor_view view = {
        .scoreboard = scoreboard, .handoff = &handoff, .version = "1.2.3", .python = "3.11.7"};
    struct monitor_metrics metrics;
    const int64_t none_us[COUNTERS_TIMES] = {0};
    struct buf buf;

    (void)state;
    buf_init(&buf);
    assert_int_equal(handoff_open(&handoff, 4), 0);
    assert_int_equal(monitor_metrics_init(&metrics, &view), 0);
    scoreboard_enter_row(scoreboard, 0, 1, 1, 1);
    scoreboard_enter_row(scoreboard, 2, 1, 2, 1);
    scoreboard_enter_row(scoreboard, 3, 1000000, 1, 1); /* nonsense */
    atomic_store(&scoreboard_thread(scoreboard, 3, 0)->progress.phase, 77);
    atomic_store(&scoreboard_row(scoreboard, 3)->state, 99);
    counters_add(scoreboard_counters(scoreboard, 0, 0), 200, 5, 1500000, none_us);
    counters_add(scoreboard_counters(scoreboard, 2, 0), 200, 5, 500000, none_us);
    write_all(&metrics, &buf);
    assert_non_null(strstr(buf.ptr, "\nclutch_build_info{version=\"1.2.3\",python=\"3.11.7\"} 1\n"));
    assert_non_null(strstr(buf.ptr, "\nclutch_http_requests_total{status=\"2xx\"} 2\n"));
    assert_non_null(strstr(buf.ptr, "\nclutch_worker_busy_seconds_total{worker=\"1\"} 2.000000\n"));
    assert_non_null(strstr(buf.ptr, "\nclutch_worker_generation{worker=\"1\"} 2\n"));
    assert_non_null(strstr(buf.ptr, "\nclutch_workers{state=\"starting\"} 2\n"));
    assert_null(strstr(buf.ptr, "worker=\"2\""));
    assert_null(strstr(buf.ptr, "worker=\"1000000\""));

    /* A counter does not fall, whatever a look has missed. */
    atomic_store(&scoreboard_counters(scoreboard, 2, 0)->busy_us, 0);
    write_all(&metrics, &buf);
    assert_non_null(strstr(buf.ptr, "\nclutch_worker_busy_seconds_total{worker=\"1\"} 2.000000\n"));
    buf_fini(&buf);
    monitor_metrics_fini(&metrics);
    handoff_close(&handoff);
    scoreboard_free(scoreboard);
}

/* Nothing that stands in the memory crashes who reads it, nor makes lines of it that are none. */
static void test_nonsense_of_workers(void **state)
{
    enum { ROWS = 4, THREADS = 2, ROUNDS = 200 };
    struct scoreboard *scoreboard = scoreboard_new(ROWS, THREADS);
    struct handoff handoff;
    const struct monitor_view view = {
        .scoreboard = scoreboard, .handoff = &handoff, .version = "1.2.3", .python = "3.11.7"};
    const int64_t extremes[] = {INT64_MIN, INT64_MAX, -1, 0, 1, 2, INT32_MAX, 7};
    struct monitor_metrics metrics;
    struct buf buf;

    (void)state;
    srandom(7);
    buf_init(&buf);
    assert_int_equal(handoff_open(&handoff, ROWS), 0);
    assert_int_equal(monitor_metrics_init(&metrics, &view), 0);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t *words = (int64_t *)(void *)scoreboard->totals;
        size_t count = (size_t)(scoreboard->stacks - (char *)words) / sizeof(*words);

        for (size_t i = 0; i < count; i++)
            words[i] = random() % 3 == 0 ? random() : extremes[(size_t)random() % ARRAY_COUNT(extremes)];
        for (int row = 0; row < ROWS; row++)
            atomic_store(&scoreboard_row(scoreboard, row)->number, row / 2 + 1);
        write_all(&metrics, &buf);
        for (int row = 0; row < ROWS; row++)
            counters_bury(scoreboard, row, clock_now_us());
        for (const char *line = strchr(buf.ptr, '\n'); line != NULL; line = strchr(line + 1, '\n'))
            assert_true(line[1] == '\0' || strncmp(line + 1, "clutch_", 7) == 0 || strncmp(line + 1, "# ", 2) == 0);
    }
    buf_fini(&buf);
    monitor_metrics_fini(&metrics);
    handoff_close(&handoff);
    scoreboard_free(scoreboard);
}

static void test_memory(void **state)
{
    struct scoreboard *scoreboard = scoreboard_new(3, 1);
    struct worker_memory memory;

    (void)state;
    assert_int_equal(worker_memory_init(&memory, 3), 0);
    scoreboard_enter_row(scoreboard, 1, 1, 1, 1);
    worker_memory_look(&memory, scoreboard, 0); /* no time: the cheap figure alone */
    assert_int_equal(memory.rows[0].resident_bytes, 0);
    assert_true(memory.rows[1].resident_bytes > 100000);
    assert_int_equal(memory.rows[1].proportional_bytes, 0);
    worker_memory_look(&memory, scoreboard, 1000000);
    assert_true(memory.rows[1].proportional_bytes >= 0); /* some kernels do not tell */
    assert_true(memory.rows[1].proportional_bytes <= memory.rows[1].resident_bytes * 2);
    scoreboard_clear_row(scoreboard, 1);
    worker_memory_look(&memory, scoreboard, 1000000);
    assert_int_equal(memory.rows[1].resident_bytes, 0);
    worker_memory_fini(&memory);
    scoreboard_free(scoreboard);
}

static void test_listen_queue(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    int local = socket(AF_UNIX, SOCK_STREAM, 0);
    uint32_t waiting = 9, most = 0;
    uint64_t overflows, drops;

    (void)state;
    assert_false(listen_queue_read(listener, &waiting, &most));
    assert_false(listen_queue_read(local, &waiting, &most));
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 5), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    assert_true(listen_queue_read(listener, &waiting, &most));
    assert_int_equal(waiting, 0);
    assert_int_equal(most, 5);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(poll(&(struct pollfd){.fd = listener, .events = POLLIN}, 1, 20000), 1);
    assert_true(listen_queue_read(listener, &waiting, &most));
    assert_int_equal(waiting, 1);
    if (listen_queue_read_overflows(&overflows, &drops))
        assert_true(drops >= overflows);
    close(client);
    close(listener);
    close(local);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_histograms_add_up),
        cmocka_unit_test(test_labels_are_escaped_and_cut),
        cmocka_unit_test(test_paths_of_probes),
        cmocka_unit_test(test_the_master_is_poked),
        cmocka_unit_test(test_nonsense_is_no_dead_master),
        cmocka_unit_test(test_ready_and_started),
        cmocka_unit_test(test_figures_of_workers),
        cmocka_unit_test(test_nonsense_of_workers),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_listen_queue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
