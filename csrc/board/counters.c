/* SPDX-License-Identifier: MIT */
#include "counters.h"

#include "scoreboard.h"

enum { CLIENT_GONE = 499, MOST_LOOKS = 3 };

static enum counters_class class_of(int status)
{
    if (LIKELY(status >= 200 && status < 300))
        return COUNTERS_2XX;
    if (status == CLIENT_GONE)
        return COUNTERS_499;
    return status < 200 ? COUNTERS_1XX : status < 400 ? COUNTERS_3XX : status < 500 ? COUNTERS_4XX : COUNTERS_5XX;
}

void counters_add_busy(struct counters *counters, int64_t busy_us)
{
    histogram_increase(&counters->busy_us, (uint64_t)(busy_us > 0 ? busy_us : 0));
}

void counters_add(struct counters *counters, int status, uint64_t body_bytes, int64_t busy_us,
                  const int64_t times_us[COUNTERS_TIMES])
{
    histogram_increase(&counters->responses[class_of(status)], 1);
    histogram_increase(&counters->body_bytes, body_bytes);
    counters_add_busy(counters, busy_us);
    for (int i = 0; i < COUNTERS_TIMES; i++)
        histogram_add(&counters->times[i], times_us[i]);
}

void counters_add_to_sum(const struct counters *counters, struct counters_sum *sum)
{
    for (int i = 0; i < COUNTERS_CLASSES; i++)
        sum->responses[i] += atomic_load_explicit(&counters->responses[i], memory_order_relaxed);
    sum->body_bytes += atomic_load_explicit(&counters->body_bytes, memory_order_relaxed);
    sum->busy_us += atomic_load_explicit(&counters->busy_us, memory_order_relaxed);
    for (int i = 0; i < COUNTERS_TIMES; i++)
        histogram_add_to_sum(&counters->times[i], &sum->times[i]);
}

const char *counters_class_label(enum counters_class class)
{
    static const char *const labels[] = {"1xx", "2xx", "3xx", "4xx", "5xx", "499"};

    return labels[class];
}

const char *counters_time_label(enum counters_time time)
{
    static const char *const labels[] = {"queue", "gil_wait", "app", "write", "duration"};

    return labels[time];
}

uint64_t counters_busy_us(const struct scoreboard *scoreboard, int row, int thread, int64_t now_us)
{
    const struct scoreboard_thread *running = scoreboard_thread(scoreboard, row, thread);
    const struct counters *counters = scoreboard_counters(scoreboard, row, thread);
    uint64_t busy_us = 0;

    for (int look = 0; look < MOST_LOOKS; look++) {
        int64_t started_us = atomic_load_explicit(&running->request_started_us, memory_order_acquire);

        busy_us = atomic_load_explicit(&counters->busy_us, memory_order_acquire);
        if (atomic_load_explicit(&running->request_started_us, memory_order_relaxed) == started_us)
            return busy_us + (uint64_t)(started_us > 0 && now_us > started_us ? now_us - started_us : 0);
    }
    return busy_us;
}

static void bury_request(const struct scoreboard *scoreboard, int row, int thread, int64_t now_us)
{
    struct scoreboard_thread *running = scoreboard_thread(scoreboard, row, thread);
    struct counters *counters = scoreboard_counters(scoreboard, row, thread);
    int64_t started_us = atomic_exchange(&running->request_started_us, 0); /* nobody is to see it twice */

    /* The worker may have written anything there. */
    if (started_us < atomic_load(&scoreboard->totals->began_us) || started_us <= 0 || started_us > now_us)
        return;
    counters_add_busy(counters, now_us - started_us);
}

void counters_bury(const struct scoreboard *scoreboard, int row, int64_t now_us)
{
    for (int thread = 0; thread < scoreboard->thread_count; thread++)
        bury_request(scoreboard, row, thread, now_us);
}
