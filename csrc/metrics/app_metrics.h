/* SPDX-License-Identifier: MIT
 * The application's own metrics, in memory that all processes of the server share: what one of them has counted stays
 * when it ends, however it ends. The master makes the arena before the first fork; workers add families and series,
 * which are never removed, and change their cells with atomic instructions, without a lock; whoever serves /metrics
 * prints them.
 *
 *   arena:   head | seats, one for each process | records, in order of their registration
 *   record:  head | texts | cells               (a family: name, labels, help, bounds; a series: values of its labels)
 *
 * Nobody trusts what stands there: a worker that the application has broken, or that was killed in the middle of a
 * write, can make figures wrong, but can neither crash another process nor keep it waiting for long. */
#ifndef CLUTCH_APP_METRICS_H
#define CLUTCH_APP_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "attrs.h"
#include "slice.h"

struct buf;

enum {
    APP_METRICS_LEAST_BYTES = 4096,
    APP_METRIC_NAME_BYTES = 200,   /* of a family or a label */
    APP_METRIC_HELP_BYTES = 1024,  /* a longer one is cut */
    APP_METRIC_VALUE_BYTES = 1024, /* of a label; a series with a longer one is dropped */
    APP_METRIC_LABELS = 16,
    APP_METRIC_FAMILIES = 1024,        /* no more are shown */
    APP_METRIC_BOUNDS = 128,           /* of a histogram, without +Inf */
    APP_METRICS_TEXT_BYTES = 32 << 20, /* series behind so much text are counted, and not shown */
};

enum app_metric_kind { APP_METRIC_COUNTER, APP_METRIC_GAUGE, APP_METRIC_HISTOGRAM, APP_METRIC_KIND_COUNT };

/* What a gauge is that several processes have set: made of the values of those that live; LAST: the latest value of
 * any, dead or alive. */
enum app_metric_mode { APP_METRIC_SUM, APP_METRIC_MAX, APP_METRIC_MIN, APP_METRIC_LAST, APP_METRIC_MODE_COUNT };

/* A double, or a number of observations; changed by any process at any moment. */
typedef _Atomic(uint64_t) app_metric_cell;

struct app_metric_family {
    enum app_metric_kind kind;
    enum app_metric_mode mode;       /* of a gauge; else APP_METRIC_SUM */
    struct slice name;               /* of a counter: without _total */
    struct slice help;               /* UTF-8 */
    const struct slice *label_names; /* NULL when there are none */
    size_t label_count;
    const double *bounds; /* of a histogram: ascending, finite */
    size_t bound_count;
};

/* This process's view of the arena. */
struct app_metrics {
    void *shared; /* owned mapping */
    size_t bytes; /* of all of it */
    int seat_count;
    int seat; /* of this process; -1: none */
};

/* Makes an arena, with seats for as many processes as may set gauges at the same time. Its pages cost memory once they
 * are written to. Returns it (end it with app_metrics_free, in any process), or NULL with errno. */
struct app_metrics *app_metrics_new(size_t bytes, int seat_count) MUST_CHECK;
void app_metrics_free(struct app_metrics *);

/* Takes a seat for the calling process: a free one, or that of a process that has died. What was set there before is
 * forgotten. A process forked by the holder of a seat needs one of its own. Without a free one its gauges are not seen.
 * May wait for another process, a second at most. */
void app_metrics_sit(struct app_metrics *);

/* Gives it back: what the process has set is shown no longer. */
void app_metrics_rise(struct app_metrics *);

/* Whether the name of a family or of a label can be one: the data model of Prometheus, without what is reserved, which
 * is clutch_ for families and __ for labels. */
bool app_metrics_is_name(struct slice name);
bool app_metrics_is_label(struct slice name);

/* Finds or adds a family; one with the same name that is different in kind, mode, labels or bounds is shown no longer.
 * Names must be valid, counts within the limits. Returns 0 with its id in *family, or -ENOSPC when the arena is full.
 * May wait for another process, a second at most. */
int app_metrics_family(struct app_metrics *, const struct app_metric_family *, uint32_t *family) MUST_CHECK;

/* Finds or adds the series of a family with these values of its labels. Returns 0 with its cells, which stay where they
 * are for as long as the arena does, and their number; or -ENOSPC when the arena is full, -EMSGSIZE when a value is too
 * long, -EINVAL when there is no such family. May wait as above. */
int app_metrics_series(struct app_metrics *, uint32_t family, const struct slice *values, size_t count,
                       app_metric_cell **cells, size_t *cell_count) MUST_CHECK;

/* Cells that a series of a kind has here. A counter: 1. A gauge: 1 with APP_METRIC_LAST, else one for each seat. A
 * histogram: the sum, then the observations of each bucket (not accumulated), +Inf last. */
size_t app_metrics_cell_count(const struct app_metrics *, enum app_metric_kind, enum app_metric_mode,
                              size_t bound_count);

/* A series (or family) had to be left out. Returns true for the first in the whole server: it is worth a log line. */
bool app_metrics_note_dropped(struct app_metrics *);

/* Appends all families as Prometheus text (version 0.0.4), each current one with its series. Whatever stands in the
 * arena, the text is well-formed. Returns 0 or -ENOMEM. */
int app_metrics_print(const struct app_metrics *, struct buf *out) MUST_CHECK;

/* --- Cells --- */

static inline uint64_t app_metric_bits(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static inline double app_metric_double(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* Of a gauge that its process has not set: a NaN that no computation gives. */
#define APP_METRIC_UNSET UINT64_C(0x7FF8C1007C400000)

static inline double app_metric_get(const app_metric_cell *cell)
{
    uint64_t bits = atomic_load_explicit(cell, memory_order_relaxed);

    return bits == APP_METRIC_UNSET ? 0 : app_metric_double(bits);
}

static inline void app_metric_set(app_metric_cell *cell, double value)
{
    atomic_store_explicit(cell, app_metric_bits(value), memory_order_relaxed);
}

static inline void app_metric_add(app_metric_cell *cell, double amount)
{
    uint64_t before = atomic_load_explicit(cell, memory_order_relaxed), after;

    do
        after = app_metric_bits((before == APP_METRIC_UNSET ? 0 : app_metric_double(before)) + amount);
    while (!atomic_compare_exchange_weak_explicit(cell, &before, after, memory_order_relaxed, memory_order_relaxed));
}

/* One more observation in a bucket. */
static inline void app_metric_count(app_metric_cell *cell)
{
    atomic_fetch_add_explicit(cell, 1, memory_order_relaxed);
}

#endif
