/* SPDX-License-Identifier: MIT */
#include "monitor_metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "app_metrics.h"
#include "counters.h"
#include "exchange.h"
#include "exposition.h"
#include "handoff.h"
#include "listen_queue.h"
#include "listener.h"
#include "monitor_workers.h"
#include "refusals.h"
#include "scoreboard.h"

enum { LABEL_BYTES = 64, MEMORY_BUDGET_US = 200000 };

static const char *label_of(char label[LABEL_BYTES], const char *name, const char *value)
{
    snprintf(label, LABEL_BYTES, "%s=\"%s\"", name, value);
    return label;
}

/* --- Requests --- */

static struct counters_sum sum_of_all(const struct scoreboard *scoreboard)
{
    struct counters_sum sum = {.body_bytes = 0};

    for (int row = 0, end = scoreboard_row_end(scoreboard); row < end; row++) {
        for (int thread = 0; thread < scoreboard->thread_count; thread++)
            counters_add_to_sum(scoreboard_counters(scoreboard, row, thread), &sum);
    }
    return sum;
}

static void write_times(struct exposition *out, const struct counters_sum *sum)
{
    static const struct {
        const char *name, *help;
    } families[COUNTERS_TIMES] = {
        [COUNTERS_QUEUE] = {"clutch_http_request_queue_seconds",
                            "Time from the arrival of a request until an app thread took it."},
        [COUNTERS_GIL] = {"clutch_http_request_gil_wait_seconds", "Time that a request waited for the GIL."},
        [COUNTERS_APP] = {"clutch_http_request_app_seconds", "Time that a request spent in the application."},
        [COUNTERS_WRITE] = {"clutch_http_request_write_seconds", "Time that an app thread spent sending a response."},
        [COUNTERS_WHOLE] = {"clutch_http_request_duration_seconds",
                            "Time from the arrival of a request until its response was with the kernel or queued."},
    };

    for (int i = 0; i < COUNTERS_TIMES; i++) {
        exposition_family(out, families[i].name, "histogram", families[i].help);
        exposition_histogram(out, &sum->times[i]);
    }
}

static void write_requests(struct exposition *out, const struct scoreboard *scoreboard)
{
    const struct counters_sum sum = sum_of_all(scoreboard);
    char label[LABEL_BYTES];

    exposition_family(out, "clutch_http_requests_total", "counter",
                      "Requests that the application has answered, by class of status; 499: the client had gone.");
    for (int class = 0; class < COUNTERS_CLASSES; class ++)
        exposition_count(out, label_of(label, "status", counters_class_label((enum counters_class) class)),
                         sum.responses[class]);
    exposition_family(out, "clutch_http_response_body_bytes_total", "counter", "Bytes of their bodies.");
    exposition_count(out, "", sum.body_bytes);
    write_times(out, &sum);
}

static void write_refusals(struct exposition *out, const struct scoreboard *scoreboard)
{
    char label[LABEL_BYTES];

    exposition_family(out, "clutch_http_refusals_total", "counter",
                      "Requests that the server has refused without the application, by reason.");
    for (int reason = H1_REASON_NONE + 1; reason < H1_REASON_COUNT; reason++)
        exposition_count(out, label_of(label, "reason", h1_reason_label((enum h1_reason)reason)),
                         refusals_of(scoreboard, (enum h1_reason)reason));
}

/* --- Threads and connections --- */

static void write_threads(struct exposition *out, const struct scoreboard *scoreboard)
{
    static const char *const phases[] = {
        [EXCHANGE_IDLE] = "idle", [EXCHANGE_TAKEN] = "taken", [EXCHANGE_GIL] = "gil",
        [EXCHANGE_APP] = "app",   [EXCHANGE_WRITE] = "write",
    };
    int64_t counts[ARRAY_COUNT(phases)] = {0}, busy = 0;
    char label[LABEL_BYTES];

    for (int row = 0, end = scoreboard_row_end(scoreboard); row < end; row++) {
        int state = atomic_load(&scoreboard_row(scoreboard, row)->state);

        for (int thread = 0; thread < scoreboard->thread_count; thread++) {
            uint32_t phase = atomic_load(&scoreboard_thread(scoreboard, row, thread)->progress.phase);

            if (state != WORKER_READY && state != WORKER_DRAINING)
                continue;
            counts[phase < ARRAY_COUNT(phases) ? phase : EXCHANGE_IDLE]++;
            busy += phase != EXCHANGE_IDLE;
        }
    }
    exposition_family(out, "clutch_threads", "gauge", "App threads of workers that serve, by what they do now.");
    for (size_t phase = 0; phase < ARRAY_COUNT(phases); phase++)
        exposition_gauge(out, label_of(label, "phase", phases[phase]), counts[phase]);
    exposition_family(out, "clutch_threads_busy", "gauge", "App threads that have a request now.");
    exposition_gauge(out, "", busy);
}

static const struct {
    const char *label;
    enum h1_wait waits[2];
} connection_states[] = {
    {"idle", {WAIT_KEEP_ALIVE, WAIT_NONE}}, {"reading", {WAIT_HEAD, WAIT_BODY}},   {"queued", {WAIT_QUEUE, WAIT_NONE}},
    {"writing", {WAIT_SEND, WAIT_NONE}},    {"closing", {WAIT_LINGER, WAIT_NONE}},
};

static void write_connections(struct exposition *out, const struct scoreboard *scoreboard)
{
    int64_t waiting[WAIT_COUNT] = {0}, running = 0;
    uint64_t accepted = 0, given = 0, taken = 0;
    char label[LABEL_BYTES];

    for (int row = 0, end = scoreboard_row_end(scoreboard); row < end; row++) {
        const struct h1_counts *counts = &scoreboard_row(scoreboard, row)->connections;

        for (int wait = WAIT_NONE + 1; wait < WAIT_COUNT; wait++)
            waiting[wait] += atomic_load_explicit(&counts->waiting[wait], memory_order_relaxed);
        accepted += atomic_load_explicit(&counts->accepted, memory_order_relaxed);
        given += atomic_load_explicit(&counts->given, memory_order_relaxed);
        taken += atomic_load_explicit(&counts->taken, memory_order_relaxed);
        running += scoreboard_count_running(scoreboard, row);
    }
    exposition_family(out, "clutch_connections", "gauge", "Open connections with clients, by state.");
    for (size_t i = 0; i < ARRAY_COUNT(connection_states); i++)
        exposition_gauge(out, label_of(label, "state", connection_states[i].label),
                         waiting[connection_states[i].waits[0]] + waiting[connection_states[i].waits[1]]);
    exposition_gauge(out, label_of(label, "state", "running"), running);
    exposition_family(out, "clutch_connections_accepted_total", "counter", "Connections that workers have accepted.");
    exposition_count(out, "", accepted);
    exposition_family(out, "clutch_handoffs_total", "counter",
                      "Requests that went into the queue of all workers (given) and out of it (taken).");
    exposition_count(out, label_of(label, "direction", "given"), given);
    exposition_count(out, label_of(label, "direction", "taken"), taken);
}

static void write_queues(struct exposition *out, const struct monitor_view *view)
{
    int64_t waiting = atomic_load_explicit(&view->handoff->board->waiting, memory_order_relaxed);
    char label[EXPOSITION_LABEL_BYTES];
    uint64_t overflows, drops;

    exposition_family(out, "clutch_queue_requests", "gauge", "Requests that wait in the queue of all workers.");
    exposition_gauge(out, "", waiting > 0 ? waiting : 0);
    exposition_family(out, "clutch_listen_queue_connections", "gauge",
                      "Connections that wait in the kernel to be accepted, of each TCP address.");
    for (size_t i = 0; i < view->server_listener_count; i++) {
        uint32_t length, most;

        if (listen_queue_read(view->server_listeners[i].fd, &length, &most))
            exposition_gauge(out, exposition_label(label, "listener", view->server_listeners[i].url), length);
    }
    if (!listen_queue_read_overflows(&overflows, &drops))
        return;
    exposition_family(out, "clutch_netns_listen_overflows_total", "counter",
                      "Connections that found a full listen queue, of all programs in this network namespace.");
    exposition_count(out, "", overflows);
    exposition_family(
        out, "clutch_netns_listen_drops_total", "counter",
        "Connections that were dropped at a listening socket, of all programs in this network namespace.");
    exposition_count(out, "", drops);
}

/* --- The server --- */

static void write_server(struct exposition *out, const struct monitor_view *view)
{
    const struct scoreboard_totals *totals = view->scoreboard->totals;
    char version[EXPOSITION_LABEL_BYTES], python[EXPOSITION_LABEL_BYTES], both[2 * EXPOSITION_LABEL_BYTES];

    snprintf(both, sizeof(both), "%s,%s", exposition_label(version, "version", view->version),
             exposition_label(python, "python", view->python));
    exposition_family(out, "clutch_build_info", "gauge", "Always 1; the labels say what runs.");
    exposition_gauge(out, both, 1);
    exposition_family(out, "clutch_start_time_seconds", "gauge", "When the server was started, since 1970.");
    exposition_seconds(out, "", atomic_load(&totals->began_wall_us));
    exposition_family(out, "clutch_generation", "gauge", "Generation of the workers, from 1; a reload makes the next.");
    exposition_gauge(out, "", atomic_load(&totals->generation));
    exposition_family(out, "clutch_stopping", "gauge", "1 when the server was told to stop.");
    exposition_gauge(out, "", atomic_load(&totals->is_stopping) != 0);
}

static void write_restarts(struct exposition *out, const struct scoreboard *scoreboard)
{
    char label[LABEL_BYTES];

    exposition_family(out, "clutch_worker_ends_total", "counter",
                      "Workers that ended while the server went on, by cause.");
    for (int cause = 0; cause < RESTART_COUNT; cause++)
        exposition_count(out, label_of(label, "cause", restarts_label((enum restart_cause)cause)),
                         restarts_of(scoreboard, (enum restart_cause)cause));
}

int monitor_metrics_init(struct monitor_metrics *metrics, const struct monitor_view *view)
{
    size_t count = (size_t)view->scoreboard->row_count + 1;

    *metrics = (struct monitor_metrics){.view = view, .busy_us = calloc(count, sizeof(*metrics->busy_us))};
    if (metrics->busy_us == NULL)
        return -ENOMEM;
    if (worker_memory_init(&metrics->memory, view->scoreboard->row_count) == 0)
        return 0;
    free(metrics->busy_us);
    return -ENOMEM;
}

void monitor_metrics_fini(struct monitor_metrics *metrics)
{
    worker_memory_fini(&metrics->memory);
    free(metrics->busy_us);
}

int monitor_metrics_write(struct monitor_metrics *metrics, struct buf *text)
{
    const struct scoreboard *scoreboard = metrics->view->scoreboard;
    struct exposition out = {.out = text};

    worker_memory_look(&metrics->memory, scoreboard, MEMORY_BUDGET_US);
    write_server(&out, metrics->view);
    write_requests(&out, scoreboard);
    write_refusals(&out, scoreboard);
    write_threads(&out, scoreboard);
    write_connections(&out, scoreboard);
    write_queues(&out, metrics->view);
    write_restarts(&out, scoreboard);
    if (monitor_metrics_write_workers(metrics, &out) < 0)
        return -ENOMEM;
    if (metrics->view->app_metrics != NULL && app_metrics_print(metrics->view->app_metrics, text) < 0)
        return -ENOMEM;
    return out.lacks_memory ? -ENOMEM : 0;
}
