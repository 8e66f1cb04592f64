/* SPDX-License-Identifier: MIT */
#include "access_log_layouts.h"

#include <stdlib.h>

#include "access_json.h"
#include "trace_parent.h"
#include "text.h"

/* What clients choose is cut so that the line, at six characters a byte, stays whole. A host is of characters that are
 * not escaped, an id of those that are with two. */
enum { MOST_PATH = 200, MOST_QUERY = 100, MOST_FIELD = 100, MOST_METHOD = 16, MOST_HOST = 255 };

enum { SEVERITY_INFO = 9, SEVERITY_ERROR = 17, LEAST_SERVER_ERROR = 500 };

/* The methods that may stand in http.request.method; of others it says _OTHER, lest there be too many values. */
static bool is_known_method(struct slice method)
{
    static const char *const methods[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                          "CONNECT", "OPTIONS", "TRACE", "PATCH"};

    for (size_t i = 0; i < ARRAY_COUNT(methods); i++) {
        if (slice_equal(method, slice_of_string(methods[i])))
            return true;
    }
    return false;
}

static void put_method(struct access_line *line, struct slice method)
{
    bool is_known = is_known_method(method);

    access_json_put_member(line, "http.request.method", is_known ? method : SLICE("_OTHER"), MOST_METHOD);
    if (!is_known)
        access_json_put_member(line, "http.request.method_original", method, MOST_METHOD);
}

static void put_if_any(struct access_line *line, const char *name, struct slice text, size_t most)
{
    if (text.len > 0)
        access_json_put_member(line, name, text, most);
}

/* Host and port that the client asked for, a valid authority (RFC 9110 7.2); or the listener's own. */
static void put_server(struct access_line *line, const struct exchange *exchange)
{
    struct slice host = exchange->request->authority, port = slice_of(NULL, 0);
    uint64_t number;

    if (host.len == 0)
        host = slice_of_string(exchange->endpoints->server_name);
    for (size_t i = host.len; i > 0 && host.ptr[i - 1] != ']'; i--) {
        if (host.ptr[i - 1] == ':') {
            port = slice_of(host.ptr + i, host.len - i);
            host.len = i - 1;
            break;
        }
    }
    if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = slice_of(host.ptr + 1, host.len - 2);
    put_if_any(line, "server.address", host, MOST_HOST);
    if (text_parse_u64(port, &number))
        access_json_put_number(line, "server.port", (int64_t)number);
}

/* The members of a record that are about the trace, at its top; nothing without one. */
static void put_trace(struct access_line *line)
{
    struct trace_parent trace;
    unsigned flags;

    if (!trace_parent_parse(access_line_known_field(line, HEADER_TRACEPARENT), &trace))
        return;
    access_json_put_member(line, "TraceId", trace.trace_id, trace.trace_id.len);
    access_json_put_member(line, "SpanId", trace.span_id, trace.span_id.len);
    flags = (unsigned)strtoul((char[]){trace.flags.ptr[0], trace.flags.ptr[1], '\0'}, NULL, 16);
    access_json_put_number(line, "TraceFlags", flags);
}

static void put_attributes(struct access_line *line)
{
    const struct exchange *exchange = line->exchange;
    const struct request *request = exchange->request;
    const struct endpoints *ends = exchange->endpoints;
    int64_t queue_us = exchange->times.taken_us - exchange->times.arrived_us;

    put_method(line, request->method);
    access_json_put_member(line, "url.path", request->path, MOST_PATH);
    put_if_any(line, "url.query", request->query, MOST_QUERY);
    access_json_put_member(line, "url.scheme", slice_of_string(ends->scheme), MOST_FIELD);
    access_json_put_number(line, "http.response.status_code", line->summary->status);
    access_json_put_number(line, "http.request.body.size", (int64_t)exchange->body.length);
    access_json_put_number(line, "http.response.body.size", (int64_t)line->summary->body_bytes);
    access_json_put_seconds(line, "http.server.request.duration", queue_us + line->summary->duration_us);
    put_if_any(line, "client.address", slice_of_string(ends->remote_address), MOST_FIELD);
    put_if_any(line, "network.peer.address", slice_of_string(ends->peer_address), MOST_FIELD);
    put_server(line, exchange);
    access_json_put_member(line, "network.protocol.name", SLICE("http"), MOST_FIELD);
    access_json_put_member(line, "network.protocol.version", request->version_minor == 1 ? SLICE("1.1") : SLICE("1.0"),
                           MOST_FIELD);
    put_if_any(line, "user_agent.original", access_line_known_field(line, HEADER_USER_AGENT), MOST_FIELD);
    put_if_any(line, "clutch.request_id", exchange->request_id, exchange->request_id.len);
}

static void put_own_attributes(struct access_line *line)
{
    const struct exchange_times *times = &line->exchange->times;

    access_json_put_number(line, "process.pid", line->place->pid);
    access_json_put_number(line, "clutch.worker", line->place->worker);
    access_json_put_number(line, "clutch.thread", line->place->core);
    access_json_put_seconds(line, "clutch.queue", times->taken_us - times->arrived_us);
    access_json_put_seconds(line, "clutch.gil_wait", times->gil_wait_us);
    access_json_put_seconds(line, "clutch.app", times->app_us);
    access_json_put_seconds(line, "clutch.write", times->write_us);
}

void access_log_layout_otel(struct access_line *line)
{
    bool is_error = line->summary->status >= LEAST_SERVER_ERROR;

    access_line_put(line, SLICE("{"));
    access_json_put_moment(line, "Timestamp");
    access_json_put_member(line, "SeverityText", is_error ? SLICE("ERROR") : SLICE("INFO"), MOST_FIELD);
    access_json_put_number(line, "SeverityNumber", is_error ? SEVERITY_ERROR : SEVERITY_INFO);
    access_json_put_member(line, "Body", SLICE("request"), MOST_FIELD);
    put_trace(line);
    access_line_put(line, SLICE(", \"Attributes\": {"));
    put_attributes(line);
    put_own_attributes(line);
    access_line_put(line, SLICE("}}"));
}
