/* SPDX-License-Identifier: MIT
 * What a worker that somebody has taken over may have written to shared memory is numbers and bounded text here. */
#include "control_status.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "counters.h"
#include "exchange.h"
#include "handoff.h"
#include "listen_queue.h"
#include "listener.h"
#include "monitor.h"
#include "quantile.h"
#include "refusals.h"
#include "restarts.h"
#include "scoreboard.h"
#include "worker_memory.h"

enum { SCHEMA = 1, MEMORY_BUDGET_US = 50000 };

const char *control_status_state(int state)
{
    static const char *const names[] = {"absent", "starting", "ready", "draining"};

    return state >= 0 && state < (int)ARRAY_COUNT(names) ? names[state] : "?";
}

static const char *phase_name(uint32_t phase)
{
    static const char *const names[] = {"idle", "taken", "gil", "app", "write"};

    return phase < ARRAY_COUNT(names) ? names[phase] : "?";
}

static int64_t age_us(int64_t since_us, int64_t now_us)
{
    return since_us > 0 && since_us < now_us ? now_us - since_us : 0;
}

/* --- The server --- */

static void write_server(const struct monitor_view *view, int64_t now_us, struct json *json)
{
    const struct scoreboard_totals *totals = view->scoreboard->totals;

    json_begin(json, "server", '{');
    json_text(json, "version", slice_of_string(view->version));
    json_text(json, "python", slice_of_string(view->python));
    json_number(json, "pid", getppid());
    json_number(json, "generation", atomic_load(&totals->generation));
    json_number(json, "uptime_us", age_us(atomic_load(&totals->began_us), now_us));
    json_number(json, "start_time_us", atomic_load(&totals->began_wall_us));
    json_flag(json, "has_started", atomic_load(&totals->has_started) != 0);
    json_flag(json, "is_stopping", atomic_load(&totals->is_stopping) != 0);
    json_number(json, "threads_per_worker", view->scoreboard->thread_count);
    json_begin(json, "listeners", '[');
    for (size_t i = 0; i < view->server_listener_count; i++) {
        const struct listener *listener = &view->server_listeners[i];
        uint32_t waiting = 0, most = 0;

        json_begin(json, NULL, '{');
        json_text(json, "address", slice_of_string(listener->url));
        if (listen_queue_read(listener->fd, &waiting, &most))
            json_count(json, "backlog", waiting);
        else
            json_null(json, "backlog");
        json_end(json, '}');
    }
    json_end(json, ']');
    json_end(json, '}');
}

/* --- What has been counted --- */

static void write_times(const struct counters_sum *sum, struct json *json)
{
    int64_t bounds_us[HISTOGRAM_BUCKETS];

    json_begin(json, "bounds_us", '[');
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        bounds_us[bucket] = histogram_bound_us(bucket);
        if (bucket + 1 < HISTOGRAM_BUCKETS)
            json_number(json, NULL, bounds_us[bucket]);
    }
    json_end(json, ']');
    json_begin(json, "times", '{');
    for (int i = 0; i < COUNTERS_TIMES; i++) {
        static const struct {
            const char *name;
            unsigned permille;
        } quantiles[] = {{"p50_us", 500}, {"p90_us", 900}, {"p99_us", 990}};
        const struct histogram_sum *time = &sum->times[i];

        json_begin(json, counters_time_label((enum counters_time)i), '{');
        json_count(json, "sum_us", time->sum_us);
        for (size_t q = 0; q < ARRAY_COUNT(quantiles); q++) {
            int64_t value_us = quantile_us(bounds_us, time->counts, HISTOGRAM_BUCKETS, quantiles[q].permille);

            if (value_us >= 0)
                json_number(json, quantiles[q].name, value_us);
            else
                json_null(json, quantiles[q].name);
        }
        json_begin(json, "counts", '[');
        for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
            json_count(json, NULL, time->counts[bucket]);
        json_end(json, ']');
        json_end(json, '}');
    }
    json_end(json, '}');
}

static void sum_row(const struct scoreboard *scoreboard, int row, struct counters_sum *sum)
{
    for (int thread = 0; thread < scoreboard->thread_count; thread++)
        counters_add_to_sum(scoreboard_counters(scoreboard, row, thread), sum);
}

static void write_requests(const struct monitor_view *view, struct json *json)
{
    const struct scoreboard *scoreboard = view->scoreboard;
    struct counters_sum sum = {.body_bytes = 0};
    int64_t running = 0, waiting = atomic_load_explicit(&view->handoff->board->waiting, memory_order_relaxed);

    for (int row = 0, end = scoreboard_row_end(scoreboard); row < end; row++) {
        sum_row(scoreboard, row, &sum);
        running += scoreboard_count_running(scoreboard, row);
    }
    json_begin(json, "requests", '{');
    json_count(json, "finished", atomic_load(&scoreboard->totals->requests));
    json_number(json, "running", running);
    json_number(json, "queued", waiting > 0 ? waiting : 0);
    json_count(json, "body_bytes", sum.body_bytes);
    json_begin(json, "by_class", '{');
    for (int i = 0; i < COUNTERS_CLASSES; i++)
        json_count(json, counters_class_label((enum counters_class)i), sum.responses[i]);
    json_end(json, '}');
    json_end(json, '}');
    write_times(&sum, json);
}

static void write_refusals(const struct scoreboard *scoreboard, struct json *json)
{
    json_begin(json, "refusals", '{');
    for (int reason = H1_REASON_NONE + 1; reason < H1_REASON_COUNT; reason++) {
        uint64_t count = refusals_of(scoreboard, (enum h1_reason)reason);

        if (count > 0)
            json_count(json, h1_reason_label((enum h1_reason)reason), count);
    }
    json_end(json, '}');
    json_begin(json, "worker_ends", '{');
    for (int cause = 0; cause < RESTART_COUNT; cause++) {
        uint64_t count = restarts_of(scoreboard, (enum restart_cause)cause);

        if (count > 0)
            json_count(json, restarts_label((enum restart_cause)cause), count);
    }
    json_end(json, '}');
}

static void write_connections(const struct scoreboard *scoreboard, struct json *json)
{
    static const char *const names[] = {NULL, "head", "body", "send", "keep_alive", "queue", "linger"};
    int64_t waiting[WAIT_COUNT] = {0};
    uint64_t accepted = 0;

    for (int row = 0, end = scoreboard_row_end(scoreboard); row < end; row++) {
        const struct h1_counts *counts = &scoreboard_row(scoreboard, row)->connections;

        for (int wait = 0; wait < WAIT_COUNT; wait++)
            waiting[wait] += atomic_load_explicit(&counts->waiting[wait], memory_order_relaxed);
        accepted += atomic_load_explicit(&counts->accepted, memory_order_relaxed);
    }
    json_begin(json, "connections", '{');
    json_count(json, "accepted", accepted);
    for (int wait = WAIT_NONE + 1; wait < WAIT_COUNT; wait++)
        json_number(json, names[wait], waiting[wait] > 0 ? waiting[wait] : 0);
    json_end(json, '}');
}

/* --- Workers --- */

static void write_one_running(const struct scoreboard_thread *thread, int number, int64_t now_us, struct json *json)
{
    struct scoreboard_request request;
    const char *blank;
    size_t method_len;

    if (!scoreboard_read_request(thread, &request))
        return;
    blank = strchr(request.line, ' ');
    method_len = blank != NULL ? (size_t)(blank - request.line) : strlen(request.line);
    json_begin(json, NULL, '{');
    json_number(json, "thread", number);
    json_text(json, "phase", slice_of_string(phase_name(atomic_load(&thread->progress.phase))));
    json_number(json, "age_us", age_us(request.started_us, now_us));
    json_text(json, "method", slice_of(request.line, method_len));
    json_text(json, "target", slice_of_string(blank != NULL ? blank + 1 : ""));
    json_text(json, "client", slice_of_string(request.peer));
    json_end(json, '}');
}

void control_status_write_running(const struct monitor_view *view, int row, int64_t now_us, struct json *json)
{
    json_begin(json, "running", '[');
    for (int thread = 0; thread < view->scoreboard->thread_count; thread++)
        write_one_running(scoreboard_thread(view->scoreboard, row, thread), thread + 1, now_us, json);
    json_end(json, ']');
}

/* A worker that has never been without it waits for it: what it has waited so far is in no counter yet. */
static int64_t count_waiting_for_gil(const struct scoreboard *scoreboard, int row)
{
    int64_t count = 0;

    for (int thread = 0; thread < scoreboard->thread_count; thread++)
        count += atomic_load(&scoreboard_thread(scoreboard, row, thread)->progress.phase) == EXCHANGE_GIL;
    return count;
}

static void write_counted(const struct scoreboard *scoreboard, int row, int64_t now_us, struct json *json)
{
    struct counters_sum sum = {.body_bytes = 0};
    uint64_t requests = 0, busy_us = 0;

    sum_row(scoreboard, row, &sum);
    for (int thread = 0; thread < scoreboard->thread_count; thread++) {
        requests += atomic_load_explicit(&scoreboard_thread(scoreboard, row, thread)->requests, memory_order_relaxed);
        busy_us += counters_busy_us(scoreboard, row, thread, now_us);
    }
    json_count(json, "requests", requests);
    json_count(json, "busy_us", busy_us);
    json_count(json, "gil_wait_us", sum.times[COUNTERS_GIL].sum_us);
    json_count(json, "app_us", sum.times[COUNTERS_APP].sum_us);
}

static void write_memory(const struct worker_memory_figures *memory, struct json *json)
{
    json_number(json, "rss_bytes", memory->resident_bytes);
    if (memory->proportional_bytes > 0)
        json_number(json, "pss_bytes", memory->proportional_bytes);
    else
        json_null(json, "pss_bytes");
}

static void write_worker(const struct monitor_view *view, const struct worker_memory *memory, int row, int64_t now_us,
                         struct json *json)
{
    const struct scoreboard *scoreboard = view->scoreboard;
    const struct scoreboard_row *worker = scoreboard_row(scoreboard, row);
    uint32_t load = atomic_load_explicit(&view->handoff->board->rows[row].load, memory_order_relaxed);
    int busy = scoreboard_count_running(scoreboard, row);

    json_begin(json, NULL, '{');
    json_number(json, "number", atomic_load(&worker->number));
    json_number(json, "row", row);
    json_number(json, "pid", atomic_load(&worker->pid));
    json_number(json, "generation", atomic_load(&worker->generation));
    json_text(json, "state", slice_of_string(control_status_state(atomic_load(&worker->state))));
    json_number(json, "age_us", age_us(atomic_load(&worker->started_us), now_us));
    json_number(json, "threads_busy", busy);
    json_number(json, "threads_idle", scoreboard->thread_count - busy);
    json_number(json, "threads_waiting_for_gil", count_waiting_for_gil(scoreboard, row));
    json_count(json, "load_permille",
               (uint64_t)(load < HANDOFF_FULL_LOAD ? load : HANDOFF_FULL_LOAD) * 1000 / HANDOFF_FULL_LOAD);
    write_counted(scoreboard, row, now_us, json);
    write_memory(&memory->rows[row], json);
    control_status_write_running(view, row, now_us, json);
    json_end(json, '}');
}

int control_status_write(const struct monitor_view *view, struct worker_memory *memory, struct buf *text)
{
    const struct scoreboard *scoreboard = view->scoreboard;
    struct json json = {.out = text};
    int64_t now_us;

    worker_memory_look(memory, scoreboard, MEMORY_BUDGET_US);
    now_us = clock_now_us();
    json_begin(&json, NULL, '{');
    json_number(&json, "schema", SCHEMA);
    json_number(&json, "now_us", now_us);
    write_server(view, now_us, &json);
    write_requests(view, &json);
    write_refusals(scoreboard, &json);
    write_connections(scoreboard, &json);
    json_begin(&json, "workers", '[');
    for (int row = 0, end = scoreboard_row_end(scoreboard); row < end; row++) {
        if (atomic_load(&scoreboard_row(scoreboard, row)->state) != WORKER_ABSENT)
            write_worker(view, memory, row, now_us, &json);
    }
    json_end(&json, ']');
    json_end(&json, '}');
    return json.lacks_memory || buf_append(text, SLICE("\n")) < 0 ? -ENOMEM : 0;
}
