/* SPDX-License-Identifier: MIT
 * The reading side of the arena: Prometheus text. It prints from a copy of its own, so that nothing can change between
 * a check and a use. Runs in whoever serves /metrics, and in workers that ask. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "app_metrics_priv.h"
#include "app_metrics_text.h"
#include "buf.h"

enum { FAMILIES = APP_METRIC_FAMILIES };

/* One record of the copy that has been checked. */
struct entry {
    uint32_t at;
    struct app_record record;
    struct slice texts[1 + APP_METRIC_LABELS]; /* a family: name, labels; a series: values */
    struct slice help;
};

/* A family that can be shown. */
struct shown {
    char name[APP_METRIC_NAME_BYTES + sizeof("_total")];
    uint64_t rank;
    uint32_t at;
};

/* What is printed from. */
struct snapshot {
    const struct app_metrics *metrics;
    uint64_t *words; /* owned: copy of the records */
    size_t used;     /* bytes of it */
    uint32_t *order; /* owned: where each record stands, by family, in order of registration */
    size_t count;
    uint32_t families[FAMILIES]; /* where those stand, in order of registration */
    size_t family_count;
    bool *is_alive; /* owned: for each seat */
    struct app_text text;
    size_t begin;  /* of the text, in what it is appended to */
    size_t hidden; /* series that have no place in it */
};

/* --- The copy --- */

static bool is_alive_at(const struct snapshot *snapshot, size_t seat)
{
    return seat < (size_t)snapshot->metrics->seat_count && snapshot->is_alive[seat];
}

static void look_at_seats(struct snapshot *snapshot)
{
    for (int i = 0; i < snapshot->metrics->seat_count; i++)
        snapshot->is_alive[i] = app_seat_is_taken(&app_arena_seats(snapshot->metrics)[i]);
}

static void copy_records(struct snapshot *snapshot)
{
    const app_metric_cell *words = (const app_metric_cell *)(const void *)app_arena_records(snapshot->metrics);

    for (size_t i = 0; i < snapshot->used / sizeof(uint64_t); i++)
        snapshot->words[i] = atomic_load_explicit(&words[i], memory_order_relaxed);
}

static bool read_at(const struct snapshot *snapshot, size_t at, struct app_record *record)
{
    return app_record_read((const char *)snapshot->words, snapshot->used, at, record);
}

static uint64_t cell_at(const struct snapshot *snapshot, const struct entry *entry, size_t index)
{
    return snapshot->words[(entry->at + app_record_cells_at(&entry->record)) / sizeof(uint64_t) + index];
}

/* By family, then by age: a family stands before its series. */
static int compare(const void *a, const void *b, void *context)
{
    const struct snapshot *snapshot = context;
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    struct app_record one = {0}, other = {0};

    if (!read_at(snapshot, left, &one) || !read_at(snapshot, right, &other))
        return 0;
    if (one.family != other.family)
        return one.family < other.family ? -1 : 1;
    return left < right ? -1 : left > right;
}

static void list_records(struct snapshot *snapshot)
{
    struct app_record record;

    for (size_t at = 0; read_at(snapshot, at, &record); at += record.size) {
        snapshot->order[snapshot->count++] = (uint32_t)at;
        if (record.what == APP_RECORD_FAMILY && snapshot->family_count < FAMILIES)
            snapshot->families[snapshot->family_count++] = (uint32_t)at;
    }
    qsort_r(snapshot->order, snapshot->count, sizeof(snapshot->order[0]), compare, snapshot);
}

static bool open_snapshot(struct snapshot *snapshot)
{
    snapshot->words = malloc(snapshot->used + sizeof(uint64_t));
    snapshot->order = malloc((snapshot->used / sizeof(struct app_record) + 1) * sizeof(snapshot->order[0]));
    snapshot->is_alive = calloc((size_t)snapshot->metrics->seat_count + 1, sizeof(snapshot->is_alive[0]));
    if (snapshot->words == NULL || snapshot->order == NULL || snapshot->is_alive == NULL)
        return false;
    look_at_seats(snapshot);
    copy_records(snapshot);
    list_records(snapshot);
    return true;
}

static void close_snapshot(struct snapshot *snapshot)
{
    free(snapshot->words);
    free(snapshot->order);
    free(snapshot->is_alive);
}

/* Takes the next of the texts from `at` on, which end at `end`. */
static bool next_text(const struct snapshot *snapshot, size_t *at, size_t end, struct slice *text)
{
    const char *bytes = (const char *)snapshot->words;
    uint16_t len;

    if (end - *at < sizeof(len))
        return false;
    memcpy(&len, bytes + *at, sizeof(len));
    *at += sizeof(len);
    if (end - *at < len)
        return false;
    *text = slice_of(bytes + *at, len);
    *at += len;
    return true;
}

static bool load(const struct snapshot *snapshot, uint32_t at, struct entry *entry)
{
    size_t text = at + sizeof(entry->record), end;
    size_t count;

    if (!read_at(snapshot, at, &entry->record))
        return false;
    entry->at = at;
    end = text + entry->record.text_bytes;
    count = entry->record.label_count + (entry->record.what == APP_RECORD_FAMILY ? 1U : 0U);
    for (size_t i = 0; i < count; i++) {
        if (!next_text(snapshot, &text, end, &entry->texts[i]))
            return false;
    }
    return entry->record.what != APP_RECORD_FAMILY || next_text(snapshot, &text, end, &entry->help);
}

/* --- Families --- */

static bool has_sound_labels(const struct entry *family)
{
    for (size_t i = 1; i <= family->record.label_count; i++) {
        if (!app_metrics_is_label(family->texts[i]) ||
            (family->record.kind == APP_METRIC_HISTOGRAM && slice_equal(family->texts[i], SLICE("le"))))
            return false;
        for (size_t j = 1; j < i; j++) {
            if (slice_equal(family->texts[i], family->texts[j]))
                return false;
        }
    }
    return true;
}

/* Whether it can be shown at all; none of ours fails this. */
static bool is_sound_family(const struct snapshot *snapshot, const struct entry *family)
{
    double before = -(double)INFINITY;

    if (family->record.what != APP_RECORD_FAMILY || family->record.family != family->at ||
        family->record.cell_count == 0 || family->record.cell_count - 1 > APP_METRIC_BOUNDS ||
        !app_metrics_is_name(family->texts[0]) || !has_sound_labels(family))
        return false;
    for (size_t i = 1; i < family->record.cell_count; i++) {
        double bound = app_metric_double(cell_at(snapshot, family, i));

        if (!isfinite(bound) || bound <= before)
            return false;
        before = bound;
    }
    return true;
}

static struct slice own_suffix(const struct entry *family)
{
    return family->record.kind == APP_METRIC_COUNTER ? SLICE("_total") : SLICE("");
}

/* Of families with the same name the latest definition comes first. */
static int compare_shown(const void *a, const void *b)
{
    const struct shown *one = a, *other = b;
    int order = strcmp(one->name, other->name);

    if (order != 0)
        return order;
    if (one->rank != other->rank)
        return one->rank > other->rank ? -1 : 1;
    return one->at > other->at ? -1 : one->at < other->at;
}

static int compare_places(const void *a, const void *b)
{
    uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

    return one < other ? -1 : one > other;
}

static void describe_shown(const struct snapshot *snapshot, const struct entry *family, struct shown *shown)
{
    struct slice name = family->texts[0], suffix = own_suffix(family);

    snprintf(shown->name, sizeof(shown->name), "%.*s%.*s", (int)name.len, name.ptr, (int)suffix.len, suffix.ptr);
    shown->rank = cell_at(snapshot, family, 0);
    shown->at = family->at;
}

/* The latest definition of a name is what counts: a counter `jobs` and a gauge `jobs_total` have the same. */
static bool choose_families(struct snapshot *snapshot)
{
    struct shown *shown = malloc(snapshot->family_count * sizeof(*shown) + 1);
    struct entry family;
    size_t count = 0;

    if (shown == NULL)
        return false;
    for (size_t i = 0; i < snapshot->family_count; i++) {
        if (load(snapshot, snapshot->families[i], &family) && is_sound_family(snapshot, &family))
            describe_shown(snapshot, &family, &shown[count++]);
    }
    qsort(shown, count, sizeof(*shown), compare_shown);
    snapshot->family_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(shown[i].name, shown[i - 1].name) != 0)
            snapshot->families[snapshot->family_count++] = shown[i].at;
    }
    qsort(snapshot->families, snapshot->family_count, sizeof(snapshot->families[0]), compare_places);
    free(shown);
    return true;
}

/* --- Text --- */

static void put(struct snapshot *snapshot, struct slice text)
{
    app_text_put(&snapshot->text, text);
}

static void put_name(struct snapshot *snapshot, const struct entry *family, struct slice suffix)
{
    put(snapshot, family->texts[0]);
    put(snapshot, suffix);
}

static void put_head(struct snapshot *snapshot, const struct entry *family)
{
    static const char *const types[] = {
        [APP_METRIC_COUNTER] = " counter\n", [APP_METRIC_GAUGE] = " gauge\n", [APP_METRIC_HISTOGRAM] = " histogram\n"};

    put(snapshot, SLICE("# HELP "));
    put_name(snapshot, family, own_suffix(family));
    put(snapshot, SLICE(" "));
    app_text_put_escaped(&snapshot->text, family->help, false);
    put(snapshot, SLICE("\n# TYPE "));
    put_name(snapshot, family, own_suffix(family));
    put(snapshot, slice_of_string(types[family->record.kind]));
}

/* Name and labels of a sample; `bound` is that of a bucket, or NULL. */
static void put_labels(struct snapshot *snapshot, const struct entry *family, const struct entry *series,
                       const double *bound)
{
    size_t count = family->record.label_count;

    if (count == 0 && bound == NULL)
        return;
    for (size_t i = 0; i < count; i++) {
        put(snapshot, i == 0 ? SLICE("{") : SLICE(","));
        put(snapshot, family->texts[1 + i]);
        put(snapshot, SLICE("=\""));
        app_text_put_escaped(&snapshot->text, series->texts[i], true);
        put(snapshot, SLICE("\""));
    }
    if (bound != NULL) {
        put(snapshot, count == 0 ? SLICE("{le=\"") : SLICE(",le=\""));
        app_text_put_number(&snapshot->text, *bound);
        if (app_text_is_whole(*bound))
            put(snapshot, SLICE(".0"));
        put(snapshot, SLICE("\""));
    }
    put(snapshot, SLICE("}"));
}

static void put_sample(struct snapshot *snapshot, const struct entry *family, const struct entry *series,
                       struct slice suffix, const double *bound, double value)
{
    put_name(snapshot, family, suffix);
    put_labels(snapshot, family, series, bound);
    put(snapshot, SLICE(" "));
    app_text_put_number(&snapshot->text, value);
    put(snapshot, SLICE("\n"));
}

/* --- Series --- */

/* Makes one value of those that the living have set. Returns false when there is none. */
static bool combine(const struct snapshot *snapshot, const struct entry *series, double *value)
{
    bool is_first = true;

    *value = 0;
    for (size_t seat = 0; seat < series->record.cell_count; seat++) {
        uint64_t bits = cell_at(snapshot, series, seat);
        double one = app_metric_double(bits);

        if (bits == APP_METRIC_UNSET || !is_alive_at(snapshot, seat))
            continue;
        if (series->record.mode == APP_METRIC_SUM)
            *value += one;
        else if (is_first || (series->record.mode == APP_METRIC_MAX ? one > *value : one < *value))
            *value = one;
        is_first = false;
    }
    return !is_first || series->record.mode == APP_METRIC_SUM;
}

static void put_gauge(struct snapshot *snapshot, const struct entry *family, const struct entry *series)
{
    double value = 0;
    bool is_set;

    if (series->record.mode == APP_METRIC_LAST) {
        is_set = series->record.cell_count > 0 && cell_at(snapshot, series, 0) != APP_METRIC_UNSET;
        value = is_set ? app_metric_double(cell_at(snapshot, series, 0)) : 0;
    } else {
        is_set = combine(snapshot, series, &value);
    }
    if (is_set)
        put_sample(snapshot, family, series, SLICE(""), NULL, value);
}

static void put_histogram(struct snapshot *snapshot, const struct entry *family, const struct entry *series)
{
    size_t bounds = family->record.cell_count - 1;
    uint64_t count = 0;

    if (series->record.cell_count != bounds + 2)
        return;
    for (size_t i = 0; i <= bounds; i++) {
        double bound = i < bounds ? app_metric_double(cell_at(snapshot, family, 1 + i)) : (double)INFINITY;

        count += cell_at(snapshot, series, 1 + i);
        put_sample(snapshot, family, series, SLICE("_bucket"), &bound, (double)count);
    }
    put_sample(snapshot, family, series, SLICE("_count"), NULL, (double)count);
    put_sample(snapshot, family, series, SLICE("_sum"), NULL, app_metric_double(cell_at(snapshot, series, 0)));
}

static void put_series(struct snapshot *snapshot, const struct entry *family, const struct entry *series)
{
    if (series->record.what != APP_RECORD_SERIES || series->record.kind != family->record.kind ||
        series->record.mode != family->record.mode || series->record.label_count != family->record.label_count)
        return;
    if (family->record.kind == APP_METRIC_GAUGE)
        put_gauge(snapshot, family, series);
    else if (family->record.kind == APP_METRIC_HISTOGRAM)
        put_histogram(snapshot, family, series);
    else if (series->record.cell_count > 0)
        put_sample(snapshot, family, series, SLICE("_total"), NULL, app_metric_double(cell_at(snapshot, series, 0)));
}

/* Where a family stands in the order. */
static size_t place_of(const struct snapshot *snapshot, uint32_t family)
{
    size_t low = 0, high = snapshot->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(&snapshot->order[middle], &family, (void *)(uintptr_t)snapshot) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A family and its series, which follow it in the order. */
static void put_family(struct snapshot *snapshot, uint32_t at)
{
    struct entry family, series;

    if (!load(snapshot, at, &family))
        return;
    put_head(snapshot, &family);
    for (size_t i = place_of(snapshot, at) + 1; i < snapshot->count; i++) {
        if (!read_at(snapshot, snapshot->order[i], &series.record) || series.record.family != at)
            return;
        if (snapshot->text.out->len - snapshot->begin > APP_METRICS_TEXT_BYTES)
            snapshot->hidden++;
        else if (load(snapshot, snapshot->order[i], &series))
            put_series(snapshot, &family, &series);
    }
}

static int put_dropped(const struct snapshot *snapshot, struct buf *out)
{
    const struct app_arena *arena = app_arena_of(snapshot->metrics);
    uint64_t dropped = atomic_load_explicit(&arena->dropped, memory_order_relaxed);

    return buf_append_format(
        out,
        "# HELP clutch_app_metrics_dropped_total Times that a series of the application found no "
        "room in --app-metrics-memory.\n"
        "# TYPE clutch_app_metrics_dropped_total counter\n"
        "clutch_app_metrics_dropped_total %" PRIu64 "\n"
        "# HELP clutch_app_metrics_hidden_series Series of the application that are left out here: "
        "all of them would be too much text.\n"
        "# TYPE clutch_app_metrics_hidden_series gauge\n"
        "clutch_app_metrics_hidden_series %zu\n",
        dropped, snapshot->hidden);
}

int app_metrics_print(const struct app_metrics *metrics, struct buf *out)
{
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    int result = -ENOMEM;

    if (snapshot == NULL)
        return result;
    *snapshot =
        (struct snapshot){.metrics = metrics, .used = app_arena_used(metrics), .text = {.out = out}, .begin = out->len};
    if (open_snapshot(snapshot) && choose_families(snapshot)) {
        for (size_t i = 0; i < snapshot->family_count; i++)
            put_family(snapshot, snapshot->families[i]);
        result = snapshot->text.result == 0 ? put_dropped(snapshot, out) : snapshot->text.result;
    }
    close_snapshot(snapshot);
    free(snapshot);
    return result;
}
