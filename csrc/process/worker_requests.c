/* SPDX-License-Identifier: MIT
 * What a worker notes of each request: in the scoreboard, in its counters, in the access log. */
#include "access_log.h"
#include "config.h"
#include "counters.h"
#include "exchange.h"
#include "refusals.h"
#include "scoreboard.h"
#include "worker_priv.h"
#include "worker_timeouts.h"

static struct scoreboard_thread *row_of(const struct worker *worker, int thread)
{
    return scoreboard_thread(worker->inherit->scoreboard, worker->birth.row, thread);
}

static void on_begin(void *context, int thread, const struct exchange *exchange)
{
    scoreboard_begin_request(row_of(context, thread), exchange->request->method, exchange->request->target,
                             exchange->endpoints->remote_address, exchange->endpoints->remote_port,
                             exchange->times.taken_us);
}

static struct exchange_progress *progress_of(void *context, int thread)
{
    return &row_of(context, thread)->progress;
}

static struct counters *counters_of(const struct worker *worker, int thread)
{
    return scoreboard_counters(worker->inherit->scoreboard, worker->birth.row, thread);
}

static void count(const struct worker *worker, int thread, const struct exchange *exchange,
                  const struct h1_summary *summary, int64_t busy_us)
{
    const struct exchange_times *times = &exchange->times;
    const int64_t queue_us = times->taken_us - times->arrived_us;
    const int64_t times_us[COUNTERS_TIMES] = {
        [COUNTERS_QUEUE] = queue_us,
        [COUNTERS_GIL] = times->gil_wait_us,
        [COUNTERS_APP] = times->app_us,
        [COUNTERS_WRITE] = times->write_us,
        [COUNTERS_WHOLE] = queue_us + summary->duration_us,
    };

    counters_add(counters_of(worker, thread), summary->status, summary->body_bytes, busy_us, times_us);
}

static void log_access(const struct worker *worker, int thread, const struct exchange *exchange,
                       const struct h1_summary *summary, uint64_t all_requests)
{
    const struct access_log_place place = {
        .pid = worker->pid,
        .worker = worker->birth.number,
        .worker_requests = exchange->number,
        .all_requests = all_requests,
        .core = thread,
    };

    if (worker->access_log != NULL)
        access_log_write(worker->access_log, exchange, summary, &place);
}

/* The app thread is free again. */
static void end_told(const struct worker *worker, int thread, const struct h1_summary *summary)
{
    scoreboard_leave_request(row_of(worker, thread));
    counters_add_busy(counters_of(worker, thread), summary->duration_us);
    worker_timeouts_end(worker->timeouts, thread);
}

static void on_end(void *context, int thread, const struct exchange *exchange, const struct h1_summary *summary)
{
    struct worker *worker = context;

    if (UNLIKELY(summary->is_told)) {
        end_told(worker, thread, summary);
    } else {
        uint64_t all_requests = scoreboard_end_request(worker->inherit->scoreboard, row_of(worker, thread));

        count(worker, thread, exchange, summary, summary->duration_us);
        log_access(worker, thread, exchange, summary, all_requests);
    }
    worker_limits_see(&worker->limits, exchange->number, exchange->times.taken_us + summary->duration_us);
}

/* Counted and logged now, by whoever drives, on behalf of the app thread, which does not end the request meanwhile. */
static void on_timeout(void *context, int thread, const struct exchange *exchange, const struct h1_summary *summary,
                       enum h1_fate verdict)
{
    const struct worker *worker = context;
    uint64_t all_requests = scoreboard_count_request(worker->inherit->scoreboard, row_of(worker, thread));

    count(worker, thread, exchange, summary, 0);
    log_access(worker, thread, exchange, summary, all_requests);
    worker_timeouts_begin(worker->timeouts, thread, exchange, verdict);
}

static void on_refusal(void *context, enum h1_reason reason)
{
    const struct worker *worker = context;

    refusals_count(worker->inherit->scoreboard, reason);
}

/* A free app thread that would only wait for the GIL is not free: a sibling may do better. */
static bool can_serve(void *context)
{
    const struct worker *worker = context;

    return worker->ops->gil_waiters(worker->gateway) == 0;
}

void worker_observe(struct worker *worker)
{
    bool counts_waiters =
        worker->inherit->config->threads > 1 && (worker->settings.without & H1_WITHOUT_GIL_COUNT) == 0;

    worker->observer = (struct h1_observer){.context = worker,
                                            .on_begin = on_begin,
                                            .on_end = on_end,
                                            .can_serve = counts_waiters ? can_serve : NULL,
                                            .on_refusal = on_refusal,
                                            .on_timeout = on_timeout,
                                            .progress_of = progress_of};
}
