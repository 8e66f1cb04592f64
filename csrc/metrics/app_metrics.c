/* SPDX-License-Identifier: MIT
 * The writing side of the arena: seats, families, series. Runs in workers and in the zygote (and its making in the
 * master), on any thread. */
#include "app_metrics.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app_metrics_priv.h"
#include "buf.h"

enum { PATIENCE_US = 1000000, TRIES = 3 };

#define HASH_START UINT32_C(2166136261)
#define HASH_PRIME UINT32_C(16777619)

static_assert(sizeof(struct app_record) % 8 == 0 && sizeof(struct app_arena) % 8 == 0, "cells are aligned");
static_assert(sizeof(app_metric_cell) == 8 && sizeof(app_seat) == 8, "cells and seats are words");

/* --- The arena --- */

struct app_metrics *app_metrics_new(size_t bytes, int seat_count)
{
    struct app_metrics *metrics = malloc(sizeof(*metrics));

    if (metrics == NULL)
        return NULL;
    bytes += sizeof(struct app_arena) + (size_t)seat_count * sizeof(app_seat);
    *metrics = (struct app_metrics){.bytes = bytes, .seat_count = seat_count, .seat = -1};
    metrics->shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (metrics->shared != MAP_FAILED)
        return metrics;
    free(metrics);
    return NULL;
}

void app_metrics_free(struct app_metrics *metrics)
{
    if (metrics == NULL)
        return;
    munmap(metrics->shared, metrics->bytes);
    free(metrics);
}

bool app_metrics_note_dropped(struct app_metrics *metrics)
{
    struct app_arena *arena = app_arena_of(metrics);

    atomic_fetch_add_explicit(&arena->dropped, 1, memory_order_relaxed);
    return atomic_exchange_explicit(&arena->has_told, 1, memory_order_relaxed) == 0;
}

size_t app_metrics_cell_count(const struct app_metrics *metrics, enum app_metric_kind kind, enum app_metric_mode mode,
                              size_t bound_count)
{
    if (kind == APP_METRIC_HISTOGRAM)
        return bound_count + 2;
    return kind == APP_METRIC_GAUGE && mode != APP_METRIC_LAST ? (size_t)metrics->seat_count : 1;
}

/* --- Names --- */

static bool is_word(struct slice name, bool may_hold_colons)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c == ':' && may_hold_colons);

        if (!is_letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.len > 0 && name.len <= APP_METRIC_NAME_BYTES;
}

bool app_metrics_is_name(struct slice name)
{
    return is_word(name, true) && !(name.len >= 7 && memcmp(name.ptr, "clutch_", 7) == 0);
}

bool app_metrics_is_label(struct slice name)
{
    return is_word(name, false) && !(name.len >= 2 && memcmp(name.ptr, "__", 2) == 0);
}

/* --- Seats --- */

bool app_seat_is_taken(const app_seat *seat)
{
    int64_t pid = atomic_load_explicit(seat, memory_order_relaxed);
    int saved = errno;
    bool result = pid > 0 && pid <= INT32_MAX && (kill((pid_t)pid, 0) == 0 || errno == EPERM);

    errno = saved;
    return result;
}

static int find_seat(const struct app_metrics *metrics)
{
    for (int i = 0; i < metrics->seat_count; i++) {
        if (!app_seat_is_taken(&app_arena_seats(metrics)[i]))
            return i;
    }
    return -1;
}

static app_metric_cell *cells_at(const struct app_metrics *metrics, size_t at, const struct app_record *record)
{
    return (app_metric_cell *)(void *)(app_arena_records(metrics) + at + app_record_cells_at(record));
}

/* What an earlier process has set on this seat is not this one's. */
static void forget_gauges(const struct app_metrics *metrics, int seat)
{
    const char *records = app_arena_records(metrics);
    size_t used = app_arena_used(metrics);
    struct app_record record;

    for (size_t at = 0; app_record_read(records, used, at, &record); at += record.size) {
        if (record.what == APP_RECORD_SERIES && record.kind == APP_METRIC_GAUGE && record.mode != APP_METRIC_LAST &&
            (uint32_t)seat < record.cell_count)
            atomic_store_explicit(&cells_at(metrics, at, &record)[seat], APP_METRIC_UNSET, memory_order_relaxed);
    }
}

void app_metrics_sit(struct app_metrics *metrics)
{
    uint32_t mark = shared_lock_take(&app_arena_of(metrics)->lock, PATIENCE_US);

    metrics->seat = mark != 0 ? find_seat(metrics) : -1;
    if (metrics->seat >= 0) {
        forget_gauges(metrics, metrics->seat);
        atomic_store_explicit(&app_arena_seats(metrics)[metrics->seat], getpid(), memory_order_relaxed);
    }
    shared_lock_release(&app_arena_of(metrics)->lock, mark);
}

void app_metrics_rise(struct app_metrics *metrics)
{
    if (metrics->seat >= 0)
        atomic_store_explicit(&app_arena_seats(metrics)[metrics->seat], 0, memory_order_relaxed);
    metrics->seat = -1;
}

/* --- Records --- */

/* A record to be found or added. */
struct wanted {
    struct app_record head; /* size and family of a new family are not set */
    struct buf texts;       /* owned */
    size_t own_bytes;       /* of the texts: what tells it from others */
    const double *bounds;   /* of a family's histogram */
    uint64_t blank;         /* first value of the cells of a series */
};

static uint32_t hash_bytes(uint32_t hash, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * HASH_PRIME;
    return hash;
}

static int add_text(struct buf *texts, struct slice text)
{
    uint16_t len = (uint16_t)text.len;
    int result = buf_append(texts, slice_of((const char *)&len, sizeof(len)));

    return result == 0 ? buf_append(texts, text) : result;
}

/* What the same record would have the same. */
static uint32_t hash_of(const struct wanted *wanted)
{
    const unsigned char kinds[] = {wanted->head.what, wanted->head.kind, wanted->head.mode, wanted->head.label_count};
    uint32_t hash = hash_bytes(HASH_START, kinds, sizeof(kinds));

    if (wanted->head.what == APP_RECORD_SERIES)
        hash = hash_bytes(hash, &wanted->head.family, sizeof(wanted->head.family));
    else if (wanted->bounds != NULL)
        hash = hash_bytes(hash, wanted->bounds, (wanted->head.cell_count - 1) * sizeof(wanted->bounds[0]));
    return hash_bytes(hash, wanted->texts.ptr, wanted->own_bytes);
}

static bool has_bounds(const struct app_metrics *metrics, size_t at, const struct app_record *record,
                       const struct wanted *wanted)
{
    const app_metric_cell *bounds = cells_at(metrics, at, record) + 1;

    for (uint32_t i = 0; i + 1 < record->cell_count; i++) {
        if (atomic_load_explicit(&bounds[i], memory_order_relaxed) != app_metric_bits(wanted->bounds[i]))
            return false;
    }
    return true;
}

static bool is_wanted(const struct app_metrics *metrics, size_t at, const struct app_record *record,
                      const struct wanted *wanted)
{
    const struct app_record *head = &wanted->head;

    if (record->hash != head->hash || record->what != head->what || record->kind != head->kind ||
        record->mode != head->mode || record->label_count != head->label_count ||
        record->cell_count != head->cell_count || record->text_bytes < wanted->own_bytes)
        return false;
    if (head->what == APP_RECORD_SERIES && record->family != head->family)
        return false;
    if (wanted->own_bytes > 0 &&
        memcmp(app_arena_records(metrics) + at + sizeof(*record), wanted->texts.ptr, wanted->own_bytes) != 0)
        return false;
    return head->what == APP_RECORD_SERIES || has_bounds(metrics, at, record, wanted);
}

/* Looks from `at` on. True with *at where it stands, else where a new one would. */
static bool find(const struct app_metrics *metrics, const struct wanted *wanted, size_t *at)
{
    size_t used = app_arena_used(metrics);
    struct app_record record;

    for (; app_record_read(app_arena_records(metrics), used, *at, &record); *at += record.size) {
        if (is_wanted(metrics, *at, &record, wanted))
            return true;
    }
    *at = used;
    return false;
}

/* Behind the others; nobody sees it before `used` says that it is there. False when it does not fit. */
static bool write_record(const struct app_metrics *metrics, const struct wanted *wanted, size_t at)
{
    char *to = app_arena_records(metrics) + at;
    struct app_record head = wanted->head;
    app_metric_cell *cells;
    uint32_t used = (uint32_t)at;

    head.size = (uint32_t)(app_record_cells_at(&head) + head.cell_count * sizeof(app_metric_cell));
    if (head.size > app_arena_capacity(metrics) - at)
        return false;
    if (head.what == APP_RECORD_FAMILY)
        head.family = (uint32_t)at;
    memcpy(to, &head, sizeof(head));
    if (wanted->texts.len > 0)
        memcpy(to + sizeof(head), wanted->texts.ptr, wanted->texts.len);
    cells = cells_at(metrics, at, &head);
    for (uint32_t i = 0; i < head.cell_count; i++) {
        uint64_t value = wanted->bounds != NULL && i > 0 ? app_metric_bits(wanted->bounds[i - 1]) : wanted->blank;

        atomic_store_explicit(&cells[i], value, memory_order_relaxed);
    }
    /* Not when the lock has been taken from us and somebody else has added one meanwhile. */
    return atomic_compare_exchange_strong(&app_arena_of(metrics)->used, &used, used + head.size);
}

/* 0 with where its cells are, or -ENOSPC. */
static int find_or_add(const struct app_metrics *metrics, const struct wanted *wanted, size_t *at,
                       app_metric_cell **cells)
{
    struct app_arena *arena = app_arena_of(metrics);
    struct app_record record;
    bool is_there;

    *at = 0;
    is_there = find(metrics, wanted, at);
    for (int i = 0; i < TRIES && !is_there; i++) {
        uint32_t mark = shared_lock_take(&arena->lock, PATIENCE_US);

        is_there = find(metrics, wanted, at) || (mark != 0 && write_record(metrics, wanted, *at));
        shared_lock_release(&arena->lock, mark);
    }
    if (!is_there || !app_record_read(app_arena_records(metrics), app_arena_used(metrics), *at, &record) ||
        record.cell_count < wanted->head.cell_count)
        return -ENOSPC;
    *cells = cells_at(metrics, *at, &record);
    return 0;
}

static int describe_family(const struct app_metric_family *family, struct wanted *wanted)
{
    struct slice help = family->help;
    int result = add_text(&wanted->texts, family->name);

    if (help.len > APP_METRIC_HELP_BYTES)
        help.len = APP_METRIC_HELP_BYTES;
    for (size_t i = 0; result == 0 && i < family->label_count; i++)
        result = add_text(&wanted->texts, family->label_names[i]);
    wanted->own_bytes = wanted->texts.len;
    if (result == 0)
        result = add_text(&wanted->texts, help);
    wanted->head.text_bytes = (uint32_t)wanted->texts.len;
    return result;
}

int app_metrics_family(struct app_metrics *metrics, const struct app_metric_family *family, uint32_t *id)
{
    struct wanted wanted = {.head = {.what = APP_RECORD_FAMILY,
                                     .kind = (uint8_t)family->kind,
                                     .mode = (uint8_t)family->mode,
                                     .label_count = (uint8_t)family->label_count,
                                     .cell_count = (uint32_t)(1 + family->bound_count)},
                            .bounds = family->bound_count > 0 ? family->bounds : NULL};
    app_metric_cell *cells;
    size_t at = 0;
    int result = describe_family(family, &wanted);

    wanted.head.hash = hash_of(&wanted);
    if (result == 0)
        result = find_or_add(metrics, &wanted, &at, &cells);
    if (result == 0) {
        uint32_t rank = atomic_fetch_add_explicit(&app_arena_of(metrics)->rank, 1, memory_order_relaxed) + 1;

        atomic_store_explicit(&cells[0], rank, memory_order_relaxed);
        *id = (uint32_t)at;
    }
    buf_fini(&wanted.texts);
    return result;
}

/* What a series has of its family; false when there is none. */
static bool inherit(const struct app_metrics *metrics, uint32_t family, size_t count, struct wanted *wanted)
{
    struct app_record record;

    if (!app_record_read(app_arena_records(metrics), app_arena_used(metrics), family, &record) ||
        record.what != APP_RECORD_FAMILY || record.label_count != count || record.cell_count == 0 ||
        record.cell_count - 1 > APP_METRIC_BOUNDS)
        return false;
    wanted->head = (struct app_record){.what = APP_RECORD_SERIES,
                                       .kind = record.kind,
                                       .mode = record.mode,
                                       .label_count = record.label_count,
                                       .family = family};
    wanted->head.cell_count = (uint32_t)app_metrics_cell_count(
        metrics, (enum app_metric_kind)record.kind, (enum app_metric_mode)record.mode, record.cell_count - 1);
    if (record.kind == APP_METRIC_GAUGE)
        wanted->blank = APP_METRIC_UNSET;
    return true;
}

int app_metrics_series(struct app_metrics *metrics, uint32_t family, const struct slice *values, size_t count,
                       app_metric_cell **cells, size_t *cell_count)
{
    struct wanted wanted = {0};
    size_t at = 0;
    int result = inherit(metrics, family, count, &wanted) ? 0 : -EINVAL;

    for (size_t i = 0; result == 0 && i < count; i++)
        result = values[i].len <= APP_METRIC_VALUE_BYTES ? add_text(&wanted.texts, values[i]) : -EMSGSIZE;
    wanted.own_bytes = wanted.texts.len;
    wanted.head.text_bytes = (uint32_t)wanted.texts.len;
    if (result == 0) {
        wanted.head.hash = hash_of(&wanted);
        result = find_or_add(metrics, &wanted, &at, cells);
    }
    *cell_count = wanted.head.cell_count;
    buf_fini(&wanted.texts);
    return result;
}
