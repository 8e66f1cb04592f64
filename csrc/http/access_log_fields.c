/* SPDX-License-Identifier: MIT */
#include "access_log_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "trace_parent.h"

enum { MOST_USER_BYTES = 96 };

static void put_or_dash(struct access_line *line, struct slice text)
{
    if (text.len > 0)
        access_line_put_escaped(line, text);
    else
        access_line_put(line, SLICE("-"));
}

static void put_remote_address(struct access_line *line, struct slice unused)
{
    (void)unused;
    put_or_dash(line, slice_of_string(line->exchange->endpoints->remote_address));
}

static void put_dash(struct access_line *line, struct slice unused)
{
    (void)unused;
    access_line_put(line, SLICE("-"));
}

static int base64_value(char c)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != '\0' ? strchr(alphabet, c) : NULL;

    return at != NULL ? (int)(at - alphabet) : -1;
}

/* Decodes up to the colon that ends the user. Returns its length; 0 when there is none. */
static size_t decode_user(struct slice credentials, char *out, size_t size)
{
    unsigned bits = 0, bit_count = 0;
    size_t len = 0;

    for (size_t i = 0; i < credentials.len && len < size; i++) {
        int value = base64_value(credentials.ptr[i]);

        if (value < 0)
            return 0;
        bits = bits << 6 | (unsigned)value;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            out[len] = (char)(bits >> bit_count);
            if (out[len] == ':')
                return len;
            len++;
        }
    }
    return 0;
}

void access_field_put_user(struct access_line *line, struct slice unused)
{
    struct slice value = access_line_known_field(line, HEADER_AUTHORIZATION);
    char user[MOST_USER_BYTES];
    size_t len = 0;

    (void)unused;
    if (value.len > 6 && slice_equal_nocase(slice_of(value.ptr, 6), SLICE("basic ")))
        len = decode_user(slice_of(value.ptr + 6, value.len - 6), user, sizeof(user));
    put_or_dash(line, slice_of(user, len));
}

static void put_time(struct access_line *line, struct slice unused)
{
    static _Thread_local time_t formatted = (time_t)-1;
    static _Thread_local char text[64];
    time_t now = time(NULL);

    (void)unused;
    if (now != formatted) {
        static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        struct tm tm;
        char zone[8];

        localtime_r(&now, &tm);
        strftime(zone, sizeof(zone), "%z", &tm);
        snprintf(text, sizeof(text), "[%02d/%.3s/%d:%02d:%02d:%02d %s]", tm.tm_mday % 32,
                 months + (ptrdiff_t)3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour % 24, tm.tm_min % 60, tm.tm_sec % 61,
                 zone);
        formatted = now;
    }
    access_line_put(line, slice_of_string(text));
}

static void put_method(struct access_line *line, struct slice unused)
{
    (void)unused;
    access_line_put_escaped(line, line->exchange->request->method);
}

static void put_protocol(struct access_line *line, struct slice unused)
{
    (void)unused;
    access_line_put(line, line->exchange->request->version_minor == 1 ? SLICE("HTTP/1.1") : SLICE("HTTP/1.0"));
}

void access_field_put_request_line(struct access_line *line, struct slice unused)
{
    put_method(line, unused);
    access_line_put(line, SLICE(" "));
    access_line_put_escaped(line, line->exchange->request->target);
    access_line_put(line, SLICE(" "));
    put_protocol(line, unused);
}

static void put_path(struct access_line *line, struct slice unused)
{
    (void)unused;
    access_line_put_escaped(line, line->exchange->request->path);
}

static void put_query(struct access_line *line, struct slice unused)
{
    (void)unused;
    access_line_put_escaped(line, line->exchange->request->query);
}

static void put_status(struct access_line *line, struct slice unused)
{
    (void)unused;
    access_line_put_format(line, "%d", line->summary->status);
}

static void put_bytes(struct access_line *line, struct slice unused)
{
    (void)unused;
    access_line_put_format(line, "%llu", (unsigned long long)line->summary->body_bytes);
}

static void put_bytes_or_dash(struct access_line *line, struct slice unused)
{
    if (line->summary->body_bytes > 0)
        put_bytes(line, unused);
    else
        access_line_put(line, SLICE("-"));
}

static void put_referer(struct access_line *line, struct slice unused)
{
    (void)unused;
    put_or_dash(line, access_line_known_field(line, HEADER_REFERER));
}

static void put_user_agent(struct access_line *line, struct slice unused)
{
    (void)unused;
    put_or_dash(line, access_line_known_field(line, HEADER_USER_AGENT));
}

static void put_integer(struct access_line *line, int64_t value)
{
    access_line_put_format(line, "%lld", (long long)(value > 0 ? value : 0));
}

static void put_seconds(struct access_line *line, struct slice unused)
{
    (void)unused;
    put_integer(line, line->summary->duration_us / 1000000);
}

static void put_microseconds(struct access_line *line, struct slice unused)
{
    (void)unused;
    put_integer(line, line->summary->duration_us);
}

static void put_milliseconds(struct access_line *line, struct slice unused)
{
    (void)unused;
    put_integer(line, line->summary->duration_us / 1000);
}

static void put_decimal_seconds(struct access_line *line, struct slice unused)
{
    lldiv_t seconds = lldiv(line->summary->duration_us > 0 ? line->summary->duration_us : 0, 1000000);

    (void)unused;
    /* No %f: the application may have set a locale with a decimal comma. */
    access_line_put_format(line, "%lld.%06lld", seconds.quot, seconds.rem);
}

static void put_pid(struct access_line *line, struct slice unused)
{
    (void)unused;
    access_line_put_format(line, "<%d>", (int)line->place->pid);
}

static void put_worker(struct access_line *line, struct slice unused)
{
    (void)unused;
    access_line_put_format(line, "%d", line->place->worker);
}

static void put_thread(struct access_line *line, struct slice unused)
{
    (void)unused;
    access_line_put_format(line, "%d", line->place->core);
}

/* The moment is known on the clock that never jumps; a reader of the log compares it with a wall clock. */
static void put_arrived(struct access_line *line, struct slice unused)
{
    (void)unused;
    put_integer(line, clock_wall_us() - (clock_now_us() - line->exchange->times.arrived_us));
}

static void put_queue(struct access_line *line, struct slice unused)
{
    const struct exchange_times *times = &line->exchange->times;

    (void)unused;
    put_integer(line, times->taken_us - times->arrived_us);
}

static void put_gil(struct access_line *line, struct slice unused)
{
    (void)unused;
    put_integer(line, line->exchange->times.gil_wait_us);
}

static void put_app(struct access_line *line, struct slice unused)
{
    (void)unused;
    put_integer(line, line->exchange->times.app_us);
}

static void put_write(struct access_line *line, struct slice unused)
{
    (void)unused;
    put_integer(line, line->exchange->times.write_us);
}

static void put_request_id(struct access_line *line, struct slice unused)
{
    (void)unused;
    put_or_dash(line, line->exchange->request_id);
}

static struct trace_parent trace_of(const struct access_line *line)
{
    struct trace_parent trace = {.trace_id = {.len = 0}};

    (void)!trace_parent_parse(access_line_known_field(line, HEADER_TRACEPARENT), &trace);
    return trace;
}

static void put_trace_id(struct access_line *line, struct slice unused)
{
    (void)unused;
    put_or_dash(line, trace_of(line).trace_id);
}

static void put_span_id(struct access_line *line, struct slice unused)
{
    (void)unused;
    put_or_dash(line, trace_of(line).span_id);
}

static void put_request_field(struct access_line *line, struct slice name)
{
    put_or_dash(line, access_line_request_field(line, name));
}

/* Looks through the lines of the head that was sent. */
static void put_response_field(struct access_line *line, struct slice name)
{
    struct slice head = line->summary->head;
    const char *at = head.ptr, *end = head.ptr + head.len;

    while (at != NULL && at < end) {
        const char *line_end = memchr(at, '\r', (size_t)(end - at));
        size_t len = line_end != NULL ? (size_t)(line_end - at) : (size_t)(end - at);

        if (len > name.len + 1 && at[name.len] == ':' && slice_equal_nocase(slice_of(at, name.len), name)) {
            put_or_dash(line, slice_of(at + name.len + 2, len - name.len - 2));
            return;
        }
        at = line_end != NULL ? line_end + 2 : NULL;
    }
    access_line_put(line, SLICE("-"));
}

/* The CGI variables that the protocol knows without asking the gateway. */
static void put_variable(struct access_line *line, struct slice name)
{
    const struct exchange *exchange = line->exchange;
    const struct endpoints *ends = exchange->endpoints;
    const struct {
        const char *name;
        struct slice value;
    } variables[] = {
        {"REQUEST_METHOD", exchange->request->method},
        {"REQUEST_URI", exchange->request->target},
        {"RAW_URI", exchange->request->target},
        {"PATH_INFO", exchange->request->path},
        {"QUERY_STRING", exchange->request->query},
        {"REMOTE_ADDR", slice_of_string(ends->remote_address)},
        {"REMOTE_PORT", slice_of_string(ends->remote_port)},
        {"clutch.peer_addr", slice_of_string(ends->peer_address)},
        {"SERVER_NAME", slice_of_string(ends->server_name)},
        {"SERVER_PORT", slice_of_string(ends->server_port)},
        {"SERVER_PROTOCOL", exchange->request->version_minor == 1 ? SLICE("HTTP/1.1") : SLICE("HTTP/1.0")},
        {"wsgi.url_scheme", slice_of_string(ends->scheme)},
    };

    for (size_t i = 0; i < ARRAY_COUNT(variables); i++) {
        if (slice_equal(name, slice_of_string(variables[i].name))) {
            put_or_dash(line, variables[i].value);
            return;
        }
    }
    for (enum known_header id = HEADER_UNKNOWN + 1; id < KNOWN_HEADER_COUNT; id++) {
        if (slice_equal(name, slice_of_string(known_header_variable(id)))) {
            put_or_dash(line, access_line_known_field(line, id));
            return;
        }
    }
    access_line_put(line, SLICE("-"));
}

static const struct access_field plain_fields[] = {
    {"h", put_remote_address, false},
    {"l", put_dash, false},
    {"u", access_field_put_user, false},
    {"t", put_time, false},
    {"r", access_field_put_request_line, false},
    {"m", put_method, false},
    {"U", put_path, false},
    {"q", put_query, false},
    {"H", put_protocol, false},
    {"s", put_status, false},
    {"B", put_bytes, false},
    {"b", put_bytes_or_dash, false},
    {"f", put_referer, false},
    {"a", put_user_agent, false},
    {"T", put_seconds, false},
    {"D", put_microseconds, false},
    {"M", put_milliseconds, false},
    {"L", put_decimal_seconds, false},
    {"p", put_pid, false},
    {"worker", put_worker, false},
    {"thread", put_thread, false},
    {"request_id", put_request_id, false},
    {"trace_id", put_trace_id, false},
    {"span_id", put_span_id, false},
    {"arrived", put_arrived, true},
    {"queue", put_queue, true},
    {"gil", put_gil, false},
    {"app", put_app, false},
    {"write", put_write, false},
};

static const struct access_field braced_fields[] = {
    {"i", put_request_field, false},
    {"o", put_response_field, false},
    {"e", put_variable, false},
};

const struct access_field *access_field_find(struct slice name, struct slice *argument)
{
    *argument = slice_of(NULL, 0);
    if (name.len > 3 && name.ptr[0] == '{' && name.ptr[name.len - 2] == '}') {
        for (size_t i = 0; i < ARRAY_COUNT(braced_fields); i++) {
            if (name.ptr[name.len - 1] == braced_fields[i].name[0]) {
                *argument = slice_of(name.ptr + 1, name.len - 3);
                return &braced_fields[i];
            }
        }
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_COUNT(plain_fields); i++) {
        if (slice_equal(name, slice_of_string(plain_fields[i].name)))
            return &plain_fields[i];
    }
    return NULL;
}
