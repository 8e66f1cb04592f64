/* SPDX-License-Identifier: MIT
 * Connections, framing and bodies over a real socket, with a gateway that is a C function. */
#include "unit.h"

#include "fake_gateway.h"

static void start(struct exchange *exchange, int status)
{
    assert_int_equal(exchange_begin_head(exchange, status, SLICE("Fine")), HEAD_OK);
}

static void answer_path(struct exchange *exchange)
{
    struct slice body = exchange->request->path;

    start(exchange, 200);
    assert_true(exchange_buffer_body(exchange, &body, 1));
}

#define ONE " HTTP/1.1\r\nHost: a\r\n\r\n"

static void ask_twice(struct fake *fake)
{
    fake_send(fake, "GET /one" ONE);
    fake_receive_until(fake, "/one");
    fake_send(fake, "GET /two" ONE);
    fake_receive_until(fake, "/two");
}

static void connections_are_kept(void **state)
{
    struct fake fake = {.serve = answer_path, .client = ask_twice};

    (void)state;
    fake_run(&fake);
    assert_int_equal(fake.begun, 2);
    assert_int_equal(fake.ended, 2);
    assert_int_equal(fake_count(&fake, "HTTP/1.1 200 Fine\r\n"), 2);
    assert_int_equal(fake_count(&fake, "Content-Length: 4\r\n"), 2);
    assert_int_equal(fake_count(&fake, "Connection:"), 0);
    fake_fini(&fake);
}

static void ask_pipelined(struct fake *fake)
{
    fake_send(fake,
              "GET /one" ONE "POST /two HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /three" ONE "GET /f");
    fake_send(fake, "our" ONE "BAD request\r\n\r\n");
    fake_receive_all(fake);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct fake fake = {.serve = answer_path, .client = ask_pipelined};
    const char *at;

    (void)state;
    fake_run(&fake);
    assert_int_equal(fake.ended, 4);
    at = strstr(fake.input.ptr, "/one");
    assert_non_null(at);
    at = strstr(at, "/two");
    assert_non_null(at);
    at = strstr(at, "/three");
    assert_non_null(at);
    at = strstr(at, "/four");
    assert_non_null(at);
    assert_non_null(strstr(at, "HTTP/1.1 501 Not Implemented\r\n"));
    fake_fini(&fake);
}

static void ask_bytewise(struct fake *fake)
{
    const char *request = "POST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";

    for (; *request != '\0'; request++)
        fake_send(fake, (char[]){*request, '\0'});
    fake_receive_until(fake, "\r\n\r\n/slow");
}

static void check_chunked_body(struct exchange *exchange)
{
    assert_int_equal(exchange->body.length, 3);
    assert_true(exchange->body.was_chunked);
    assert_memory_equal(exchange->body.memory, "abc", 3);
    answer_path(exchange);
}

static void requests_may_come_byte_by_byte(void **state)
{
    struct fake fake = {.serve = check_chunked_body, .client = ask_bytewise};

    (void)state;
    fake_run(&fake);
    assert_int_equal(fake.ended, 1);
    fake_fini(&fake);
}

enum { LARGE_BYTES = 300000 };

static void ask_with_large_body(struct fake *fake)
{
    char *body = malloc(LARGE_BYTES + 1);

    memset(body, 'x', LARGE_BYTES);
    body[LARGE_BYTES] = '\0';
    fake_send(fake, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 300000\r\n\r\n");
    assert_true(fake_receive_until(fake, "100 Continue\r\n\r\n"));
    fake_send(fake, body);
    fake_receive_until(fake, "\r\n\r\n/");
    free(body);
}

static void check_large_body(struct exchange *exchange)
{
    char last[2];

    assert_int_equal(exchange->body.length, LARGE_BYTES);
    assert_null(exchange->body.memory);
    assert_int_equal(pread(exchange->body.file_fd, last, 2, LARGE_BYTES - 1), 1);
    assert_int_equal(last[0], 'x');
    answer_path(exchange);
}

static void large_bodies_go_to_a_file(void **state)
{
    struct fake fake = {.serve = check_large_body, .client = ask_with_large_body};

    (void)state;
    fake_run(&fake);
    assert_int_equal(fake.ended, 1);
    fake_fini(&fake);
}

static void ask_once(struct fake *fake)
{
    fake_send(fake, "GET /" ONE);
    fake_receive_all(fake);
}

static void ask_once_1_0(struct fake *fake)
{
    fake_send(fake, "GET / HTTP/1.0\r\n\r\n");
    fake_receive_all(fake);
}

static void stream(struct exchange *exchange)
{
    struct slice blocks[2] = {SLICE("abc"), SLICE("de")};

    start(exchange, 200);
    assert_int_equal(exchange_write(exchange, blocks, 1, false), EXCHANGE_OK);
    assert_int_equal(exchange_write(exchange, blocks, 2, false), EXCHANGE_OK);
    assert_int_equal(exchange_write(exchange, NULL, 0, true), EXCHANGE_OK);
}

static void ask_for_stream(struct fake *fake)
{
    fake_send(fake, "GET /" ONE);
    fake_receive_until(fake, "0\r\n\r\n");
}

static void streams_are_chunked(void **state)
{
    struct fake fake = {.serve = stream, .client = ask_for_stream};

    (void)state;
    fake_run(&fake);
    assert_non_null(strstr(fake.input.ptr, "Transfer-Encoding: chunked\r\n"));
    assert_non_null(strstr(fake.input.ptr, "\r\n\r\n3\r\nabc\r\n5\r\nabcde\r\n0\r\n\r\n"));
    fake_fini(&fake);
}

static void streams_end_by_closing_in_1_0(void **state)
{
    struct fake fake = {.serve = stream, .client = ask_once_1_0};

    (void)state;
    fake_run(&fake);
    assert_null(strstr(fake.input.ptr, "Transfer-Encoding"));
    assert_non_null(strstr(fake.input.ptr, "Connection: close\r\n\r\nabcabcde"));
    fake_fini(&fake);
}

static void declare(struct exchange *exchange, const char *length)
{
    start(exchange, 200);
    assert_int_equal(exchange_add_header(exchange, SLICE("Content-Length"), slice_of_string(length)), HEAD_OK);
}

static void write_more_than_declared(struct exchange *exchange)
{
    struct slice block = SLICE("abcdef");

    declare(exchange, "8");
    assert_int_equal(exchange_write(exchange, &block, 1, false), EXCHANGE_OK);
    assert_int_equal(exchange_write(exchange, &block, 1, false), EXCHANGE_FULL);
    assert_int_equal(exchange_write(exchange, &block, 1, false), EXCHANGE_FULL);
}

static void ask_twice_for_long(struct fake *fake)
{
    fake_send(fake, "GET /" ONE "GET /" ONE);
    fake_receive_times(fake, "abcdefab", 2);
}

static void no_more_is_sent_than_declared(void **state)
{
    struct fake fake = {.serve = write_more_than_declared, .client = ask_twice_for_long};

    (void)state;
    fake_run(&fake);
    assert_int_equal(fake.ended, 2); /* the connection went on */
    assert_null(strstr(fake.input.ptr, "abcdefabc"));
    fake_fini(&fake);
}

static void write_less_than_declared(struct exchange *exchange)
{
    struct slice block = SLICE("abc");

    declare(exchange, "8");
    assert_int_equal(exchange_write(exchange, &block, 1, true), EXCHANGE_OK);
}

static void short_bodies_close_the_connection(void **state)
{
    struct fake fake = {.serve = write_less_than_declared, .client = ask_once};

    (void)state;
    fake_run(&fake);
    assert_non_null(strstr(fake.input.ptr, "\r\n\r\nabc"));
    fake_fini(&fake);
}

static void fail_late(struct exchange *exchange)
{
    struct slice block = SLICE("abc");

    start(exchange, 200);
    assert_int_equal(exchange_write(exchange, &block, 1, false), EXCHANGE_OK);
    exchange_fail(exchange);
}

static void late_failures_are_visible(void **state)
{
    struct fake fake = {.serve = fail_late, .client = ask_once};

    (void)state;
    fake_run(&fake);
    assert_non_null(strstr(fake.input.ptr, "3\r\nabc\r\n"));
    assert_null(strstr(fake.input.ptr, "0\r\n\r\n"));
    fake_fini(&fake);
}

static void fail_early(struct exchange *exchange)
{
    start(exchange, 200);
    assert_int_equal(exchange_add_header(exchange, SLICE("X-Secret"), SLICE("1")), HEAD_OK);
    exchange_fail(exchange);
}

static void ask_until_error(struct fake *fake)
{
    fake_send(fake, "GET /" ONE);
    fake_receive_until(fake, "Error\n");
}

static void early_failures_become_500(void **state)
{
    struct fake fake = {.serve = fail_early, .client = ask_until_error};

    (void)state;
    fake_run(&fake);
    assert_int_equal(fake.last_status, 500);
    assert_memory_equal(fake.input.ptr, "HTTP/1.1 500 Internal Server Error\r\n", 36);
    assert_null(strstr(fake.input.ptr, "X-Secret"));
    fake_fini(&fake);
}

static void answer_204(struct exchange *exchange)
{
    struct slice body = SLICE("must not show");

    start(exchange, 204);
    assert_int_equal(exchange_add_header(exchange, SLICE("Content-Length"), SLICE("13")), HEAD_OK);
    assert_true(exchange_buffer_body(exchange, &body, 1));
}

static void ask_head_and_204(struct fake *fake)
{
    fake_send(fake, "GET /" ONE "HEAD /" ONE "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    fake_receive_all(fake);
}

static void no_body_where_none_may_be(void **state)
{
    struct fake fake = {.serve = answer_204, .client = ask_head_and_204};

    (void)state;
    fake_run(&fake);
    assert_int_equal(fake_count(&fake, "HTTP/1.1 204 Fine"), 3);
    assert_null(strstr(fake.input.ptr, "must not show"));
    assert_null(strstr(fake.input.ptr, "Content-Length"));
    fake_fini(&fake);
}

enum { HUGE_BYTES = 8 << 20 };

static void answer_huge(struct exchange *exchange)
{
    char *body = malloc(HUGE_BYTES);
    struct slice block;

    memset(body, 'h', HUGE_BYTES);
    block = slice_of(body, HUGE_BYTES);
    start(exchange, 200);
    assert_false(exchange_buffer_body(exchange, &block, 1));
    exchange_write(exchange, &block, 1, true);
    free(body); /* nothing may point to it any more */
}

static void ask_for_huge(struct fake *fake)
{
    fake_send(fake, "GET /" ONE);
    while (fake->input.len < HUGE_BYTES) {
        char piece[100000];
        ssize_t got = recv(fake->client_fd, piece, sizeof(piece), 0);

        if (got <= 0 || buf_append(&fake->input, slice_of(piece, (size_t)got)) < 0)
            return;
    }
}

static void large_answers_arrive_whole(void **state)
{
    struct fake fake = {.serve = answer_huge, .client = ask_for_huge};
    size_t i;

    (void)state;
    fake_run(&fake);
    assert_true(fake.input.len > HUGE_BYTES);
    i = (size_t)(strstr(fake.input.ptr, "\r\n\r\n") - fake.input.ptr) + 4;
    assert_int_equal(strspn(fake.input.ptr + i, "h"), HUGE_BYTES);
    fake_fini(&fake);
}

static void refuse_bad_fields(struct exchange *exchange)
{
    static const struct {
        struct slice name, value;
        enum head_error error;
    } bad[] = {
        {{"A B", 3}, {"x", 1}, HEAD_BAD_NAME},
        {{"", 0}, {"x", 1}, HEAD_BAD_NAME},
        {{"A", 1}, {"x\r\nB: y", 7}, HEAD_BAD_VALUE},
        {{"A", 1}, {"x\0y", 3}, HEAD_BAD_VALUE},
        {{"Connection", 10}, {"close", 5}, HEAD_HOP_BY_HOP},
        {{"transfer-encoding", 17}, {"chunked", 7}, HEAD_HOP_BY_HOP},
        {{"Content-Length", 14}, {"5x", 2}, HEAD_BAD_LENGTH},
    };

    start(exchange, 200);
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_int_equal(exchange_add_header(exchange, bad[i].name, bad[i].value), bad[i].error);
    assert_int_equal(exchange_begin_head(exchange, 100, SLICE("x")), HEAD_BAD_STATUS);
    assert_int_equal(exchange_begin_head(exchange, 200, SLICE("x\ny")), HEAD_BAD_REASON);
    answer_path(exchange);
}

static void ask_close(struct fake *fake)
{
    fake_send(fake, "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    fake_receive_all(fake);
}

static void responses_cannot_be_split(void **state)
{
    struct fake fake = {.serve = refuse_bad_fields, .client = ask_close};

    (void)state;
    fake_run(&fake);
    assert_int_equal(fake.last_status, 200);
    assert_null(strstr(fake.input.ptr, "B: y"));
    fake_fini(&fake);
}

static void slow_heads_get_408(void **state)
{
    struct fake fake = {.serve = answer_path,
                        .client = fake_receive_all,
                        .first = "GET / HTTP/1.1\r\nHos",
                        .settings = patient_settings};

    (void)state;
    fake.settings.head_timeout_us = 20000;
    fake_run(&fake);
    assert_int_equal(fake.begun, 0);
    assert_memory_equal(fake.input.ptr, "HTTP/1.1 408 ", 13);
    fake_fini(&fake);
}

static void ask_then_idle(struct fake *fake)
{
    fake_send(fake, "GET /" ONE);
    fake_receive_all(fake); /* ends when the server closes the idle connection */
}

static void idle_connections_are_closed(void **state)
{
    struct fake fake = {.serve = answer_path, .client = ask_then_idle, .settings = patient_settings};

    (void)state;
    fake.settings.keep_alive_us = 20000;
    fake_run(&fake);
    assert_int_equal(fake.ended, 1);
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_are_kept),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(requests_may_come_byte_by_byte),
        cmocka_unit_test(large_bodies_go_to_a_file),
        cmocka_unit_test(streams_are_chunked),
        cmocka_unit_test(streams_end_by_closing_in_1_0),
        cmocka_unit_test(no_more_is_sent_than_declared),
        cmocka_unit_test(short_bodies_close_the_connection),
        cmocka_unit_test(late_failures_are_visible),
        cmocka_unit_test(early_failures_become_500),
        cmocka_unit_test(no_body_where_none_may_be),
        cmocka_unit_test(large_answers_arrive_whole),
        cmocka_unit_test(responses_cannot_be_split),
        cmocka_unit_test(slow_heads_get_408),
        cmocka_unit_test(idle_connections_are_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
