/* SPDX-License-Identifier: MIT */
#include "log_record.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "json_text.h"

/* Names and numbers of the data model. */
static const struct {
    const char *text;
    int number;
} severities[] = {{"DEBUG", 5}, {"INFO", 9}, {"WARN", 13}, {"ERROR", 17}, {"FATAL", 21}};

static size_t about_bytes(const struct log_about *about)
{
    return about != NULL ? about->request_id.len + about->trace_id.len + about->span_id.len : 0;
}

size_t log_record_bytes(const struct log_record *record)
{
    size_t bytes = record->body.len + record->details.len + about_bytes(record->about) + strlen(record->role);

    return LOG_RECORD_FIXED_BYTES + bytes * JSON_TEXT_MOST_PER_BYTE;
}

static void put_moment(struct json_text *json)
{
    int64_t now_us = clock_wall_us();
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    json_text_put_format(json, "{\"Timestamp\": \"%04d-%02d-%02dT%02d:%02d:%02d.%06dZ\"", tm.tm_year + 1900,
                         tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(now_us % 1000000));
}

static void put_member(struct json_text *json, const char *name, struct slice text)
{
    if (text.len == 0)
        return;
    json_text_put_format(json, ", \"%s\": ", name);
    json_text_put_string(json, text);
}

size_t log_record_format(const struct log_record *record, char *out, size_t size)
{
    struct json_text json = {.out = out, .size = size};
    const struct log_about *about = record->about;

    put_moment(&json);
    if (record->has_level)
        json_text_put_format(&json, ", \"SeverityText\": \"%s\", \"SeverityNumber\": %d",
                             severities[record->level].text, severities[record->level].number);
    json_text_put(&json, SLICE(", \"Body\": "));
    json_text_put_string(&json, record->body);
    if (about != NULL) {
        put_member(&json, "TraceId", about->trace_id);
        put_member(&json, "SpanId", about->span_id);
    }
    json_text_put_format(&json, ", \"Attributes\": {\"process.pid\": %d", (int)getpid());
    put_member(&json, "clutch.role", slice_of_string(record->role));
    put_member(&json, "log.iostream", slice_of_string(record->stream));
    if (about != NULL)
        put_member(&json, "clutch.request_id", about->request_id);
    if (record->details.len > 0)
        put_member(&json, record->details_name, record->details);
    json_text_put(&json, SLICE("}}\n"));
    return json.is_full ? 0 : json.len;
}
