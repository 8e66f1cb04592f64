/* SPDX-License-Identifier: MIT
 * The layout of the arena, for the files that make it up: app_metrics.c (who writes), app_metrics_print.c (who reads).
 */
#ifndef CLUTCH_APP_METRICS_PRIV_H
#define CLUTCH_APP_METRICS_PRIV_H

#include "app_metrics.h"
#include "shared_lock.h"

enum app_record_what { APP_RECORD_FAMILY = 1, APP_RECORD_SERIES = 2 };

/* Followed by its texts, each a uint16_t with its length and the bytes, and then, at the next multiple of 8, by its
 * cells. */
struct app_record {
    uint32_t size;       /* bytes of all of it: a multiple of 8 */
    uint32_t hash;       /* of what tells it from others */
    uint32_t family;     /* where the family's record stands, its own for a family */
    uint32_t cell_count; /* a family: its rank, then the bounds */
    uint32_t text_bytes;
    uint8_t what;
    uint8_t kind, mode;
    uint8_t label_count;
};

/* The head of the arena; followed by the seats, and these by the records. */
struct app_arena {
    struct shared_lock lock;    /* for seats and records */
    _Atomic(uint32_t) used;     /* bytes of records that are complete */
    _Atomic(uint32_t) has_told; /* of series that were dropped */
    _Atomic(uint32_t) rank;     /* of the family that was registered last */
    _Atomic(uint64_t) dropped;
};

typedef _Atomic(int64_t) app_seat; /* pid of who sits there; 0: free */

static inline struct app_arena *app_arena_of(const struct app_metrics *metrics)
{
    return metrics->shared;
}

static inline app_seat *app_arena_seats(const struct app_metrics *metrics)
{
    return (app_seat *)(app_arena_of(metrics) + 1);
}

static inline char *app_arena_records(const struct app_metrics *metrics)
{
    return (char *)metrics->shared + sizeof(struct app_arena) + (size_t)metrics->seat_count * sizeof(app_seat);
}

/* Room for records. */
static inline size_t app_arena_capacity(const struct app_metrics *metrics)
{
    return metrics->bytes - sizeof(struct app_arena) - (size_t)metrics->seat_count * sizeof(app_seat);
}

/* Bytes of records, whatever the arena says of them. */
static inline size_t app_arena_used(const struct app_metrics *metrics)
{
    size_t used = atomic_load_explicit(&app_arena_of(metrics)->used, memory_order_acquire) & ~(uint32_t)7;

    return used < app_arena_capacity(metrics) ? used : app_arena_capacity(metrics) & ~(size_t)7;
}

static inline size_t app_record_cells_at(const struct app_record *record)
{
    return sizeof(*record) + (((size_t)record->text_bytes + 7) & ~(size_t)7);
}

/* Copies the head of the record at `at` out of `used` bytes of records. Returns false when there is none whose parts
 * lie within. */
static inline bool app_record_read(const char *records, size_t used, size_t at, struct app_record *record)
{
    if (at % 8 != 0 || at > used || used - at < sizeof(*record))
        return false;
    memcpy(record, records + at, sizeof(*record));
    return record->size % 8 == 0 && record->size >= sizeof(*record) && record->size <= used - at &&
           app_record_cells_at(record) + (uint64_t)record->cell_count * sizeof(app_metric_cell) <= record->size &&
           record->kind < APP_METRIC_KIND_COUNT && record->mode < APP_METRIC_MODE_COUNT &&
           record->label_count <= APP_METRIC_LABELS;
}

/* Whether the process of a seat lives; false for a free one. */
bool app_seat_is_taken(const app_seat *seat);

#endif
