/* SPDX-License-Identifier: MIT */
#include "exposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MICROSECONDS = 1000000 };

static void note(struct exposition *exposition, int result)
{
    if (result < 0)
        exposition->lacks_memory = true;
}

void exposition_family(struct exposition *exposition, const char *name, const char *type, const char *help)
{
    exposition->family = name;
    note(exposition, buf_append_format(exposition->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type));
}

/* The name of a sample up to its value. */
static void begin(struct exposition *exposition, const char *labels)
{
    if (labels[0] == '\0')
        note(exposition, buf_append_format(exposition->out, "%s ", exposition->family));
    else
        note(exposition, buf_append_format(exposition->out, "%s{%s} ", exposition->family, labels));
}

void exposition_count(struct exposition *exposition, const char *labels, uint64_t value)
{
    begin(exposition, labels);
    note(exposition, buf_append_format(exposition->out, "%" PRIu64 "\n", value));
}

void exposition_gauge(struct exposition *exposition, const char *labels, int64_t value)
{
    begin(exposition, labels);
    note(exposition, buf_append_format(exposition->out, "%" PRId64 "\n", value));
}

static void append_seconds(struct exposition *exposition, int64_t value_us)
{
    uint64_t size_us = value_us < 0 ? 0 - (uint64_t)value_us : (uint64_t)value_us;

    note(exposition, buf_append_format(exposition->out, "%s%" PRIu64 ".%06" PRIu64 "\n", value_us < 0 ? "-" : "",
                                       size_us / MICROSECONDS, size_us % MICROSECONDS));
}

void exposition_seconds(struct exposition *exposition, const char *labels, int64_t value_us)
{
    begin(exposition, labels);
    append_seconds(exposition, value_us);
}

void exposition_histogram(struct exposition *exposition, const struct histogram_sum *sum)
{
    const char *name = exposition->family;
    uint64_t count = 0;

    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        count += sum->counts[bucket];
        note(exposition, buf_append_format(exposition->out, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", name,
                                           bucket < HISTOGRAM_BUCKETS - 1 ? histogram_bound(bucket) : "+Inf", count));
    }
    note(exposition, buf_append_format(exposition->out, "%s_sum ", name));
    append_seconds(exposition, (int64_t)sum->sum_us);
    note(exposition, buf_append_format(exposition->out, "%s_count %" PRIu64 "\n", name, count));
}

const char *exposition_label(char *label, const char *name, const char *value)
{
    size_t len = (size_t)snprintf(label, EXPOSITION_LABEL_BYTES, "%s=\"", name);

    /* Room for an escape, the last quote and NUL. */
    for (; *value != '\0' && len + 4 <= EXPOSITION_LABEL_BYTES; value++) {
        if (*value == '\\' || *value == '"' || *value == '\n')
            label[len++] = '\\';
        label[len++] = *value == '\n' ? 'n' : *value;
    }
    label[len++] = '"';
    label[len] = '\0';
    return label;
}
