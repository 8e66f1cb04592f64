/* SPDX-License-Identifier: MIT
 * Runs in callbacks of the loop, on whichever thread drives; worker_timeouts_end on app threads. */
#include "worker_timeouts.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "config.h"
#include "death.h"
#include "exchange.h"
#include "fd.h"
#include "h1_request_id.h"
#include "h1_server.h"
#include "log.h"
#include "scoreboard.h"
#include "worker_stacks.h"
#include "worker_threads.h"

enum {
    TICK_MS = 100,
    MOST_SIGNALS = 10, /* a wait that begins right after the first is not ended by it */
};

/* The request of one app thread. */
struct overdue {
    _Atomic(uint64_t) number; /* 0: there is none; cleared by the app thread */
    int64_t since_us;
    int signals; /* sent so far */
    bool is_given_up;
};

struct worker_timeouts {
    struct worker_timeouts_place place;
    int timer_fd; /* owned */
    bool has_asked, is_hopeless;
    int thread_count;
    struct overdue overdue[];
};

/* --- The log --- */

static void describe_request(const struct worker_timeouts *timeouts, int thread, struct scoreboard_request *request)
{
    const struct scoreboard_thread *row = scoreboard_thread(timeouts->place.scoreboard, timeouts->place.row, thread);

    if (!scoreboard_read_request(row, request))
        *request = (struct scoreboard_request){.line = "a request"};
    if (request->peer[0] == '\0')
        snprintf(request->peer, sizeof(request->peer), "a local client");
}

static const char *describe(enum h1_fate verdict)
{
    if (verdict == H1_FATE_ANSWERED)
        return "answered with 504";
    return verdict == H1_FATE_CUT ? "its response is cut off" : "its response had been sent";
}

static void tell(const struct worker_timeouts *timeouts, int thread, const struct exchange *exchange,
                 enum h1_fate verdict)
{
    const struct log_report report = {.level = LOG_LEVEL_ERROR, .about = {.request_id = exchange->request_id}};
    struct scoreboard_request request;
    char id[H1_REQUEST_ID_SHOWN_BYTES];

    describe_request(timeouts, thread, &request);
    h1_request_id_show(id, exchange->request_id);
    if (log_is_enabled(LOG_LEVEL_ERROR))
        log_report(&report, "thread %d (%#018lx) has run \"%s\" of %s for %.1f s (--request-timeout), %s: %s%s",
                   thread + 1, worker_threads_id(timeouts->place.threads, thread), request.line, request.peer,
                   (double)(clock_now_us() - exchange->times.taken_us) / 1e6,
                   death_phase_words(atomic_load_explicit(&exchange->progress->phase, memory_order_relaxed)),
                   describe(verdict), id);
}

/* --- Time --- */

static void set_timer(const struct worker_timeouts *timeouts, int delay_ms)
{
    const struct itimerspec when = {
        .it_value = {.tv_sec = delay_ms / 1000, .tv_nsec = delay_ms % 1000 * 1000000L},
    };

    timerfd_settime(timeouts->timer_fd, 0, &when, NULL);
}

static void interrupt(const struct worker_timeouts *timeouts, int thread, struct overdue *overdue)
{
    uint64_t number = atomic_load(&overdue->number);

    if (number == 0 || overdue->signals >= MOST_SIGNALS)
        return;
    overdue->signals++;
    worker_threads_interrupt(timeouts->place.threads, thread, number);
}

static void interrupt_all(void *context)
{
    struct worker_timeouts *timeouts = context;

    for (int thread = 0; thread < timeouts->thread_count; thread++)
        interrupt(timeouts, thread, &timeouts->overdue[thread]);
    set_timer(timeouts, TICK_MS);
}

static void give_up(struct worker_timeouts *timeouts, int thread)
{
    struct scoreboard_request request;

    timeouts->overdue[thread].is_given_up = true;
    describe_request(timeouts, thread, &request);
    log_error("thread %d has not ended \"%s\" of %s within %g s of its timeout (--request-timeout-grace): this worker "
              "is to be replaced",
              thread + 1, request.line, request.peer, (double)timeouts->place.config->request_timeout_grace_ms / 1e3);
}

static void look_for_end(struct worker_timeouts *timeouts, size_t given_up)
{
    const struct scoreboard_row *row = scoreboard_row(timeouts->place.scoreboard, timeouts->place.row);

    timeouts->has_asked = timeouts->has_asked || timeouts->place.on_stuck(timeouts->place.context);
    if (timeouts->is_hopeless || atomic_load(&row->state) != WORKER_DRAINING ||
        given_up < h1_server_connection_count(timeouts->place.server))
        return;
    timeouts->is_hopeless = true;
    timeouts->place.on_hopeless(timeouts->place.context);
}

static void on_timer(void *context, int fd)
{
    struct worker_timeouts *timeouts = context;
    int64_t grace_us = timeouts->place.config->request_timeout_grace_ms * 1000, now_us = clock_now_us();
    size_t running = 0, given_up = 0;
    uint64_t count;

    if (read(fd, &count, sizeof(count)) < 0)
        return;
    for (int thread = 0; thread < timeouts->thread_count; thread++) {
        struct overdue *overdue = &timeouts->overdue[thread];

        if (atomic_load(&overdue->number) == 0)
            continue;
        running++;
        if (overdue->signals > 0)
            interrupt(timeouts, thread, overdue);
        if (!overdue->is_given_up && now_us - overdue->since_us >= grace_us)
            give_up(timeouts, thread);
        given_up += overdue->is_given_up;
    }
    if (given_up > 0)
        look_for_end(timeouts, given_up);
    if (running > 0)
        set_timer(timeouts, TICK_MS);
}

/* --- Requests --- */

void worker_timeouts_begin(struct worker_timeouts *timeouts, int thread, const struct exchange *exchange,
                           enum h1_fate verdict)
{
    struct overdue *overdue = &timeouts->overdue[thread];

    tell(timeouts, thread, exchange, verdict);
    overdue->since_us = clock_now_us();
    overdue->signals = 0;
    overdue->is_given_up = false;
    atomic_store(&overdue->number, exchange->number);
    set_timer(timeouts, TICK_MS);
    if (timeouts->place.stacks != NULL)
        worker_stacks_log(timeouts->place.stacks, interrupt_all, timeouts);
    else
        interrupt_all(timeouts);
}

void worker_timeouts_end(struct worker_timeouts *timeouts, int thread)
{
    struct overdue *overdue = &timeouts->overdue[thread];

    log_info("thread %d has ended the request %.1f s after its timeout", thread + 1,
             (double)(clock_now_us() - overdue->since_us) / 1e6);
    atomic_store(&overdue->number, 0);
}

/* --- Life --- */

struct worker_timeouts *worker_timeouts_open(const struct worker_timeouts_place *place)
{
    size_t count = (size_t)place->config->threads;
    struct worker_timeouts *timeouts = calloc(1, sizeof(*timeouts) + count * sizeof(timeouts->overdue[0]));

    if (timeouts != NULL) {
        timeouts->place = *place;
        timeouts->thread_count = (int)count;
        timeouts->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (timeouts->timer_fd >= 0 && h1_server_watch(place->server, timeouts->timer_fd, on_timer, timeouts) == 0)
            return timeouts;
        worker_timeouts_close(timeouts);
    }
    log_error("not enough memory or descriptors for --request-timeout");
    return NULL;
}

void worker_timeouts_close(struct worker_timeouts *timeouts)
{
    if (timeouts == NULL)
        return;
    fd_close(&timeouts->timer_fd);
    free(timeouts);
}
