/* SPDX-License-Identifier: MIT */
#include "monitor_workers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "counters.h"
#include "handoff.h"
#include "scoreboard.h"

enum { LABEL_BYTES = 48 };

/* Of all rows with one number. What is counted is that of all its processes so far; the rest of those that live. */
struct figures {
    bool is_known;
    int processes;
    uint64_t requests, busy_us;
    int64_t resident_bytes, proportional_bytes, started_us;
    uint32_t load;
    int32_t generation;
};

static void add_living(struct figures *figures, const struct monitor_metrics *metrics, int row)
{
    const struct scoreboard_row *worker = scoreboard_row(metrics->view->scoreboard, row);
    const struct worker_memory_figures *memory = &metrics->memory.rows[row];
    int64_t started_us = atomic_load(&worker->started_us);
    uint32_t load = atomic_load_explicit(&metrics->view->handoff->board->rows[row].load, memory_order_relaxed);

    figures->processes++;
    figures->resident_bytes += memory->resident_bytes;
    figures->proportional_bytes += memory->proportional_bytes;
    if (figures->started_us < started_us)
        figures->started_us = started_us;
    if (figures->generation < atomic_load(&worker->generation))
        figures->generation = atomic_load(&worker->generation);
    if (figures->load < load)
        figures->load = load;
}

static void add_row(struct figures *figures, const struct monitor_metrics *metrics, int row, int64_t now_us)
{
    const struct scoreboard *scoreboard = metrics->view->scoreboard;

    figures->is_known = true;
    for (int thread = 0; thread < scoreboard->thread_count; thread++) {
        figures->requests +=
            atomic_load_explicit(&scoreboard_thread(scoreboard, row, thread)->requests, memory_order_relaxed);
        figures->busy_us += counters_busy_us(scoreboard, row, thread, now_us);
    }
    if (atomic_load(&scoreboard_row(scoreboard, row)->state) != WORKER_ABSENT)
        add_living(figures, metrics, row);
}

/* A look in the middle of a request's end may miss it. */
static void keep_from_falling(struct monitor_metrics *metrics, struct figures *all)
{
    for (int number = 1; number <= metrics->view->scoreboard->row_count; number++) {
        if (all[number].busy_us < metrics->busy_us[number])
            all[number].busy_us = metrics->busy_us[number];
        metrics->busy_us[number] = all[number].busy_us;
    }
}

/* Both may be nonsense that a worker has written. */
static int64_t difference(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

/* Which figure a family shows. */
enum figure { REQUESTS, BUSY, RESIDENT, PROPORTIONAL, STARTED, GENERATION, LOAD };

struct family {
    enum figure figure;
    const char *name, *type, *help;
};

static const struct family families[] = {
    {REQUESTS, "clutch_worker_requests_total", "counter", "Requests that this worker, and those before it, have run."},
    {BUSY, "clutch_worker_busy_seconds_total", "counter",
     "Time that its app threads have had requests: divided by its threads, its utilisation."},
    {LOAD, "clutch_worker_load_ratio", "gauge",
     "How busy it was lately, from 0 (waits for requests) to 1 (never waits)."},
    {RESIDENT, "clutch_worker_resident_memory_bytes", "gauge", "Its memory, what it shares with others included."},
    {PROPORTIONAL, "clutch_worker_proportional_memory_bytes", "gauge",
     "Its memory, with its part of what it shares with others; missing where the kernel does not tell."},
    {STARTED, "clutch_worker_start_time_seconds", "gauge", "When it was started, since 1970."},
    {GENERATION, "clutch_worker_generation", "gauge", "The generation that it belongs to."},
};

static void write_one(struct exposition *out, enum figure figure, const char *label, const struct figures *figures,
                      int64_t offset_us)
{
    bool lives = figures->processes > 0;

    if (figure == REQUESTS)
        exposition_count(out, label, figures->requests);
    else if (figure == BUSY)
        exposition_seconds(out, label, (int64_t)figures->busy_us);
    else if (figure == RESIDENT && lives)
        exposition_gauge(out, label, figures->resident_bytes);
    else if (figure == PROPORTIONAL && figures->proportional_bytes > 0)
        exposition_gauge(out, label, figures->proportional_bytes);
    else if (figure == STARTED && lives)
        exposition_seconds(out, label, difference(figures->started_us, offset_us));
    else if (figure == GENERATION && lives)
        exposition_gauge(out, label, figures->generation);
    else if (figure == LOAD && lives)
        exposition_seconds(out, label, (int64_t)figures->load * 1000000 / HANDOFF_FULL_LOAD);
}

static void write_family(struct exposition *out, const struct family *family, const struct figures *all, int count,
                         int64_t offset_us)
{
    char label[LABEL_BYTES];

    exposition_family(out, family->name, family->type, family->help);
    for (int number = 1; number <= count; number++) {
        snprintf(label, sizeof(label), "worker=\"%d\"", number);
        if (all[number].is_known)
            write_one(out, family->figure, label, &all[number], offset_us);
    }
}

static void write_states(struct exposition *out, const struct scoreboard *scoreboard)
{
    int64_t counts[WORKER_DRAINING + 1] = {0};

    for (int row = 0, end = scoreboard_row_end(scoreboard); row < end; row++) {
        int state = atomic_load(&scoreboard_row(scoreboard, row)->state);

        if (state > WORKER_ABSENT && state <= WORKER_DRAINING)
            counts[state]++;
    }
    exposition_family(out, "clutch_workers", "gauge", "Workers, by state; only those that are ready take requests.");
    exposition_gauge(out, "state=\"starting\"", counts[WORKER_STARTING]);
    exposition_gauge(out, "state=\"ready\"", counts[WORKER_READY]);
    exposition_gauge(out, "state=\"draining\"", counts[WORKER_DRAINING]);
}

int monitor_metrics_write_workers(struct monitor_metrics *metrics, struct exposition *out)
{
    const struct scoreboard *scoreboard = metrics->view->scoreboard;
    struct figures *all = calloc((size_t)scoreboard->row_count + 1, sizeof(*all));
    int64_t now_us = clock_now_us(), offset_us;

    if (all == NULL)
        return -ENOMEM;
    for (int row = 0, end = scoreboard_row_end(scoreboard); row < end; row++) {
        int number = atomic_load(&scoreboard_row(scoreboard, row)->number);

        if (number > 0 && number <= scoreboard->row_count)
            add_row(&all[number], metrics, row, now_us);
    }
    keep_from_falling(metrics, all);
    /* That of the server's start: a clock that is put right later moves no figure. */
    offset_us = difference(atomic_load(&scoreboard->totals->began_us), atomic_load(&scoreboard->totals->began_wall_us));
    write_states(out, scoreboard);
    for (size_t i = 0; i < ARRAY_COUNT(families); i++)
        write_family(out, &families[i], all, scoreboard->row_count, offset_us);
    free(all);
    return 0;
}
