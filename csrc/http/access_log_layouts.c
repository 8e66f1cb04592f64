/* SPDX-License-Identifier: MIT */
#include "access_log_layouts.h"

#include <stdio.h>
#include <time.h>

#include "access_json.h"
#include "access_log_fields.h"

/* The pairs that uWSGI's HTTP router sends its workers, whatever the request: REQUEST_METHOD, PATH_INFO, REQUEST_URI,
 * QUERY_STRING, SERVER_PROTOCOL, SCRIPT_NAME, SERVER_NAME, SERVER_PORT, UWSGI_ROUTER, REMOTE_ADDR, REMOTE_PORT. */
enum { FIXED_VARIABLES = 11, FIXED_NAME_BYTES = 14 + 9 + 11 + 12 + 15 + 11 + 11 + 11 + 12 + 11 + 11, PAIR_BYTES = 4 };

static size_t count_variable_bytes(const struct access_line *line)
{
    const struct exchange *exchange = line->exchange;
    const struct request *request = exchange->request;
    size_t bytes = FIXED_NAME_BYTES + FIXED_VARIABLES * PAIR_BYTES + strlen("HTTP/1.1") + strlen("http");

    bytes += request->method.len + request->path.len + request->target.len + request->query.len;
    bytes += strlen(exchange->endpoints->server_name) + strlen(exchange->endpoints->server_port);
    bytes += strlen(exchange->endpoints->remote_address) + strlen(exchange->endpoints->remote_port);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct header *field = &request->headers[i];
        bool has_prefix = field->id != HEADER_CONTENT_LENGTH && field->id != HEADER_CONTENT_TYPE;

        bytes += PAIR_BYTES + (has_prefix ? strlen("HTTP_") : 0) + field->name.len + field->value.len;
    }
    return bytes;
}

void access_log_layout_uwsgi(struct access_line *line)
{
    const struct exchange *exchange = line->exchange;
    const struct h1_summary *summary = line->summary;
    const struct access_log_place *place = line->place;
    time_t taken = time(NULL) - (time_t)(summary->duration_us / 1000000);
    char when[32];
    struct slice none = slice_of(NULL, 0);
    size_t user_at;

    ctime_r(&taken, when);
    access_line_put_format(line, "[pid: %d|app: 0|req: %llu/%llu] %s (", (int)place->pid,
                           (unsigned long long)place->worker_requests, (unsigned long long)place->all_requests,
                           exchange->endpoints->remote_address);
    user_at = line->len;
    access_field_put_user(line, none);
    if (line->len == user_at + 1 && line->text[user_at] == '-')
        line->len = user_at; /* uWSGI writes nothing where others write a dash */
    access_line_put_format(line, ") {%zu vars in %zu bytes} [%.24s] ",
                           2 * (FIXED_VARIABLES + exchange->request->header_count), count_variable_bytes(line), when);
    access_line_put_escaped(line, exchange->request->method);
    access_line_put(line, SLICE(" "));
    access_line_put_escaped(line, exchange->request->target);
    access_line_put_format(
        line, " => generated %llu bytes in %lld msecs (HTTP/1.%d %d) %u headers in %zu bytes (%u switches on core %d)",
        (unsigned long long)summary->body_bytes, (long long)(summary->duration_us / 1000),
        exchange->request->version_minor, summary->status, summary->field_count, summary->app_head_bytes,
        exchange->block_count, place->core);
}

/* What clients choose is cut so that the line, at six characters a byte, stays whole: it must remain valid JSON. */
enum { MOST_METHOD = 16, MOST_TARGET = 300, MOST_FIELD = 120 };

void access_log_layout_json(struct access_line *line)
{
    const struct exchange *exchange = line->exchange;
    const struct request *request = exchange->request;
    const struct exchange_times *times = &exchange->times;

    access_line_put(line, SLICE("{"));
    access_json_put_moment(line, "time");
    access_json_put_number(line, "pid", line->place->pid);
    access_json_put_number(line, "worker", line->place->worker);
    access_json_put_number(line, "thread", line->place->core);
    access_json_put_member(line, "remote_address", slice_of_string(exchange->endpoints->remote_address), MOST_FIELD);
    access_json_put_member(line, "method", request->method, MOST_METHOD);
    access_json_put_member(line, "target", request->target, MOST_TARGET);
    access_json_put_member(line, "protocol", request->version_minor == 1 ? SLICE("HTTP/1.1") : SLICE("HTTP/1.0"),
                           MOST_FIELD);
    access_json_put_number(line, "status", line->summary->status);
    access_json_put_number(line, "request_bytes", (int64_t)exchange->body.length);
    access_json_put_number(line, "response_bytes", (int64_t)line->summary->body_bytes);
    access_json_put_member(line, "referer", access_line_known_field(line, HEADER_REFERER), MOST_FIELD);
    access_json_put_member(line, "user_agent", access_line_known_field(line, HEADER_USER_AGENT), MOST_FIELD);
    if (exchange->request_id.len > 0)
        access_json_put_member(line, "request_id", exchange->request_id, MOST_FIELD);
    access_json_put_number(line, "duration_us", line->summary->duration_us);
    access_json_put_number(line, "queue_us", times->taken_us - times->arrived_us);
    access_json_put_number(line, "gil_us", times->gil_wait_us);
    access_json_put_number(line, "app_us", times->app_us);
    access_json_put_number(line, "write_us", times->write_us);
    access_line_put(line, SLICE("}"));
}
