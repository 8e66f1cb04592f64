/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <sys/mman.h>
#include <unistd.h>

#include "access_log.h"

static const struct header fields[] = {
    {{"Host", 4}, {"a", 1}, HEADER_HOST},
    {{"User-Agent", 10}, {"curl \"8\"\\\n", 10}, HEADER_USER_AGENT},
    {{"Authorization", 13}, {"Basic am9lOnNlY3JldA==", 22}, HEADER_AUTHORIZATION},
    {{"X-Thing", 7}, {"one", 3}, HEADER_UNKNOWN},
};

static const struct request request = {
    .method = {"GET", 3},
    .target = {"/a%20b?c=d", 10},
    .path = {"/a%20b", 6},
    .query = {"c=d", 3},
    .version_minor = 1,
    .headers = fields,
    .header_count = ARRAY_COUNT(fields),
};

static const struct endpoints endpoints = {"192.0.2.7", "40112", "192.0.2.7", "127.0.0.1", "8000", "http"};

static const struct exchange exchange = {
    .request = &request,
    .endpoints = &endpoints,
    .times = {.arrived_us = 100, .taken_us = 1100, .gil_wait_us = 7, .app_us = 2000, .write_us = 30},
    .block_count = 2,
};

static const struct h1_summary summary = {
    .status = 200,
    .body_bytes = 14,
    .head = {"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Out: yes\r\n\r\n", 57},
    .field_count = 2,
    .app_head_bytes = 45,
    .duration_us = 3456789,
};

static const struct access_log_place place = {
    .pid = 6, .worker = 3, .worker_requests = 1, .all_requests = 4, .core = 2};

/* The line that a format makes; static storage. */
static const char *line_of(const char *format, const struct exchange *of)
{
    static char text[8192];
    char error[200];
    int fd = memfd_create("log", 0);
    struct access_log *log = access_log_new(format, fd, error, sizeof(error));
    ssize_t len;

    assert_non_null(log);
    access_log_write(log, of, &summary, &place);
    len = pread(fd, text, sizeof(text) - 1, 0);
    text[len] = '\0';
    access_log_free(log);
    close(fd);
    return text;
}

static void fields_are_written(void **state)
{
    (void)state;
    assert_string_equal(line_of("%(h)s %(l)s %(u)s %(m)s %(U)s %(q)s %(H)s %(s)s %(B)s %(b)s", &exchange),
                        "192.0.2.7 - joe GET /a%20b c=d HTTP/1.1 200 14 14\n");
    assert_string_equal(line_of("%(T)s %(M)s %(D)s %(L)s %(p)s %(worker)s %(thread)s 100%%", &exchange),
                        "3 3456 3456789 3.456789 <6> 3 2 100%\n");
    assert_string_equal(line_of("%(queue)s %(gil)s %(app)s %(write)s", &exchange), "1000 7 2000 30\n");
    assert_string_equal(line_of("%({x-thing}i)s %({X-Out}o)s %({none}i)s %({REMOTE_PORT}e)s", &exchange),
                        "one yes - 40112\n");
}

static void client_bytes_stay_in_their_field(void **state)
{
    (void)state;
    assert_string_equal(line_of("\"%(a)s\" %(r)s", &exchange),
                        "\"curl \\x228\\x22\\x5c\\x0a\" GET /a%20b?c=d HTTP/1.1\n");
}

static void uwsgi_line_has_its_fields(void **state)
{
    const char *line = line_of("uwsgi", &exchange);

    (void)state;
    assert_memory_equal(line, "[pid: 6|app: 0|req: 1/4] 192.0.2.7 (joe) {30 vars in ", 53);
    assert_non_null(strstr(line,
                           "] GET /a%20b?c=d => generated 14 bytes in 3456 msecs (HTTP/1.1 200) 2 headers in 45 bytes "
                           "(2 switches on core 2)\n"));
}

static void ids_are_written(void **state)
{
    static const struct header traced[] = {
        {{"traceparent", 11}, {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 55}, HEADER_TRACEPARENT},
    };
    struct request traced_request = request;
    struct exchange traced_exchange = exchange;

    (void)state;
    assert_string_equal(line_of("%(request_id)s %(trace_id)s %(span_id)s", &exchange), "- - -\n");
    assert_null(strstr(line_of("json", &exchange), "request_id"));
    assert_null(strstr(line_of("otel", &exchange), "TraceId"));
    traced_request.headers = traced;
    traced_request.header_count = 1;
    traced_exchange.request = &traced_request;
    traced_exchange.request_id = SLICE("a\"b");
    assert_string_equal(line_of("%(request_id)s %(trace_id)s %(span_id)s", &traced_exchange),
                        "a\\x22b 0af7651916cd43dd8448eb211c80319c b7ad6b7169203331\n");
    assert_non_null(strstr(line_of("json", &traced_exchange), ", \"request_id\": \"a\\\"b\", "));
    assert_non_null(strstr(line_of("otel", &traced_exchange),
                           "\"TraceId\": \"0af7651916cd43dd8448eb211c80319c\", \"SpanId\": \"b7ad6b7169203331\", "
                           "\"TraceFlags\": 1, \"Attributes\": {\"http.request.method\": \"GET\", "));
}

static void json_escapes(void **state)
{
    const char *line = line_of("json", &exchange);

    (void)state;
    assert_non_null(strstr(line, "\"user_agent\": \"curl \\\"8\\\"\\\\\\u000a\""));
    assert_non_null(strstr(line, "\"referer\": null"));
    assert_non_null(strstr(line, "\"queue_us\": 1000, \"gil_us\": 7, \"app_us\": 2000, \"write_us\": 30}\n"));
}

/* However long what clients send: one line, within PIPE_BUF, with its end. */
static void long_values_are_cut(void **state)
{
    static const char *const formats[] = {"combined", "uwsgi", "json", "otel",
                                          "%(r)s %(U)s %(q)s %(a)s %(f)s %({x-thing}i)s"};
    static char bytes[20000], host[1000], id[128];
    struct header long_fields[] = {
        {{"User-Agent", 10}, {bytes, sizeof(bytes)}, HEADER_USER_AGENT},
        {{"Referer", 7}, {bytes, sizeof(bytes)}, HEADER_REFERER},
        {{"X-Thing", 7}, {bytes, sizeof(bytes)}, HEADER_UNKNOWN},
    };
    struct request long_request = request;
    struct exchange long_exchange = exchange;

    (void)state;
    memset(bytes, 0xff, sizeof(bytes));
    long_request.target = long_request.path = long_request.query = slice_of(bytes, sizeof(bytes));
    long_request.headers = long_fields;
    long_request.header_count = ARRAY_COUNT(long_fields);
    memset(host, 'h', sizeof(host));
    memset(id, '"', sizeof(id));
    long_request.authority = slice_of(host, sizeof(host));
    long_exchange.request = &long_request;
    long_exchange.request_id = slice_of(id, sizeof(id));
    for (size_t i = 0; i < ARRAY_COUNT(formats); i++) {
        const char *line = line_of(formats[i], &long_exchange);
        size_t len = strlen(line);

        assert_true(len <= 4096);
        assert_ptr_equal(strchr(line, '\n'), line + len - 1);
    }
    assert_non_null(strstr(line_of("json", &long_exchange), "\"write_us\": 30}\n"));
    assert_non_null(strstr(line_of("otel", &long_exchange), "\"clutch.write\": 0.000030}}\n"));
    assert_non_null(strstr(line_of("uwsgi", &long_exchange), "=> generated 14 bytes"));
}

static void bad_formats_are_named(void **state)
{
    static const struct {
        const char *format, *complaint;
    } bad[] = {
        {"%(nosuch)s", "unknown field 'nosuch'"},
        {"%(h)d", "is no field"},
        {"%h", "is no field"},
        {"%(h", "is no field"},
        {"%({x}z)s", "unknown field '{x}z'"},
    };
    char error[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        assert_null(access_log_new(bad[i].format, 1, error, sizeof(error)));
        assert_non_null(strstr(error, bad[i].complaint));
    }
}

static void queue_time_is_asked_for(void **state)
{
    char error[200];
    static const struct {
        const char *format;
        bool shows_queue;
    } cases[] = {{"json", true}, {"%(queue)s", true}, {"combined", false}, {"uwsgi", false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct access_log *log = access_log_new(cases[i].format, 1, error, sizeof(error));

        assert_int_equal(access_log_shows_queue(log), cases[i].shows_queue);
        access_log_free(log);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_written),
        cmocka_unit_test(ids_are_written),
        cmocka_unit_test(client_bytes_stay_in_their_field),
        cmocka_unit_test(uwsgi_line_has_its_fields),
        cmocka_unit_test(json_escapes),
        cmocka_unit_test(long_values_are_cut),
        cmocka_unit_test(bad_formats_are_named),
        cmocka_unit_test(queue_time_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
