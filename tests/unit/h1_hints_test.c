/* SPDX-License-Identifier: MIT
 * 103 Early Hints: what of them is sent, to whom, and that the response behind them is as it would be without. */
#include "unit.h"

#include "fake_gateway.h"

enum { MANY = 400, LONG_BYTES = 8000 };

static enum head_error error;
static struct early_hints hints;
static bool is_last_sent;

static struct slice names[2], values[2];

static enum head_error hint(struct exchange *exchange, const char *name, const char *value)
{
    names[0] = SLICE("Link");
    values[0] = SLICE("</a.css>");
    names[1] = slice_of_string(name);
    values[1] = slice_of_string(value);
    hints = (struct early_hints){.names = names, .values = values, .count = name != NULL ? 2 : 1};
    error = exchange_early_hints(exchange, &hints);
    return error;
}

static void answer(struct exchange *exchange)
{
    struct slice body = SLICE("body");

    assert_int_equal(exchange_begin_head(exchange, 200, SLICE("OK")), HEAD_OK);
    assert_int_equal(exchange_add_header(exchange, SLICE("X-Own"), SLICE("1")), HEAD_OK);
    assert_true(exchange_buffer_body(exchange, &body, 1));
}

static void send_line(struct fake *fake, const char *target, const char *version)
{
    char request[200];

    snprintf(request, sizeof(request), "GET %s HTTP/%s\r\nHost: a\r\nConnection: %s\r\n\r\n", target, version,
             strcmp(version, "1.0") == 0 ? "close" : "keep-alive");
    fake_send(fake, request);
}

static void ask_once(struct fake *fake)
{
    send_line(fake, "/", "1.1");
    fake_receive_until(fake, "\r\n\r\nbody");
}

static void ask_as_1_0(struct fake *fake)
{
    send_line(fake, "/", "1.0");
    fake_receive_all(fake);
}

static struct fake run(fake_serve_fn serve, fake_client_fn client)
{
    struct fake fake = {.serve = serve, .client = client};

    fake_run(&fake);
    return fake;
}

/* --- Who gets them --- */

static void serve_plain(struct exchange *exchange)
{
    assert_int_equal(hint(exchange, "X-More", ""), HEAD_OK);
    is_last_sent = hints.is_sent;
    answer(exchange);
}

static void ask_twice(struct fake *fake)
{
    send_line(fake, "/", "1.1");
    fake_receive_until(fake, "\r\n\r\nbody");
    send_line(fake, "/", "1.1");
    fake_receive_times(fake, "\r\n\r\nbody", 2);
}

static void test_ahead_of_the_response(void **state)
{
    static const char start[] =
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nX-More: \r\n\r\nHTTP/1.1 200 OK\r\nX-Own: 1\r\n";
    struct fake fake = run(serve_plain, ask_twice);

    (void)state;
    assert_true(is_last_sent);
    assert_memory_equal(fake.input.ptr, start, sizeof(start) - 1);
    assert_int_equal(fake_count(&fake, start), 2);
    assert_int_equal(fake_count(&fake, "Content-Length: 4\r\n"), 2);
    fake_fini(&fake);
}

static void test_not_with_http_1_0(void **state)
{
    struct fake fake = run(serve_plain, ask_as_1_0);

    (void)state;
    assert_false(is_last_sent);
    assert_memory_equal(fake.input.ptr, "HTTP/1.1 200 OK\r\n", 17);
    fake_fini(&fake);
}

static void serve_begun(struct exchange *exchange)
{
    struct slice body = SLICE("body");

    assert_int_equal(exchange_begin_head(exchange, 404, SLICE("No")), HEAD_OK);
    assert_int_equal(hint(exchange, NULL, NULL), HEAD_OK);
    assert_true(hints.is_sent);
    assert_int_equal(exchange_add_header(exchange, SLICE("X-Own"), SLICE("1")), HEAD_OK);
    assert_int_equal(exchange_write(exchange, &body, 1, true), EXCHANGE_OK);
    assert_int_equal(hint(exchange, NULL, NULL), HEAD_OK);
    is_last_sent = hints.is_sent;
}

static void test_until_the_head_is_sent(void **state)
{
    struct fake fake = run(serve_begun, ask_once);

    (void)state;
    assert_false(is_last_sent);
    assert_int_equal(fake_count(&fake, "HTTP/1.1 103"), 1);
    assert_int_equal(fake_count(&fake, "\r\n\r\nHTTP/1.1 404 No\r\nX-Own: 1\r\n"), 1);
    assert_int_equal(fake.last_status, 404);
    fake_fini(&fake);
}

/* --- What is refused --- */

static void serve_wrong(struct exchange *exchange)
{
    assert_int_equal(hint(exchange, "Content-Length", "4"), HEAD_HOP_BY_HOP);
    assert_int_equal(hints.bad_at, 1);
    assert_int_equal(hint(exchange, "Transfer-Encoding", "chunked"), HEAD_HOP_BY_HOP);
    assert_int_equal(hint(exchange, "X", "a\r\nb: c"), HEAD_BAD_VALUE);
    assert_int_equal(hint(exchange, "X y", "a"), HEAD_BAD_NAME);
    assert_false(hints.is_sent);
    hints = (struct early_hints){.names = names, .values = values};
    assert_int_equal(exchange_early_hints(exchange, &hints), HEAD_OK);
    assert_false(hints.is_sent);
    answer(exchange);
}

static void test_nothing_is_sent_of_wrong_ones(void **state)
{
    struct fake fake = run(serve_wrong, ask_once);

    (void)state;
    assert_memory_equal(fake.input.ptr, "HTTP/1.1 200 OK\r\n", 17);
    fake_fini(&fake);
}

/* --- Clients that do not read --- */

static char long_value[LONG_BYTES + 1];

static void serve_many(struct exchange *exchange)
{
    for (int i = 0; i < MANY; i++)
        assert_int_equal(hint(exchange, "X-Long", long_value), HEAD_OK);
    answer(exchange);
}

static void ask_late(struct fake *fake)
{
    send_line(fake, "/", "1.1");
    fake_receive_until(fake, "\r\n\r\nbody");
}

static void test_more_than_the_socket_takes(void **state)
{
    struct fake fake;

    (void)state;
    memset(long_value, 'x', LONG_BYTES);
    fake = run(serve_many, ask_late);
    assert_int_equal(fake_count(&fake, "HTTP/1.1 103"), MANY);
    assert_int_equal(fake_count(&fake, "HTTP/1.1 200"), 1);
    fake_fini(&fake);
}

static void serve_gone(struct exchange *exchange)
{
    for (is_last_sent = true; is_last_sent;) {
        assert_int_equal(hint(exchange, "X-Long", long_value), HEAD_OK);
        is_last_sent = hints.is_sent;
    }
    answer(exchange);
}

static void ask_and_go(struct fake *fake)
{
    struct linger reset = {.l_onoff = 1};

    send_line(fake, "/", "1.1");
    fake_receive_until(fake, "103 Early Hints");
    setsockopt(fake->client_fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    shutdown(fake->client_fd, SHUT_RDWR);
    close(fake->client_fd);
    fake->client_fd = -1;
}

static void test_gone(void **state)
{
    struct fake fake;

    (void)state;
    memset(long_value, 'x', LONG_BYTES);
    fake = run(serve_gone, ask_and_go);
    assert_int_equal(fake.ended, 1);
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ahead_of_the_response),      cmocka_unit_test(test_not_with_http_1_0),
        cmocka_unit_test(test_until_the_head_is_sent),     cmocka_unit_test(test_nothing_is_sent_of_wrong_ones),
        cmocka_unit_test(test_more_than_the_socket_takes), cmocka_unit_test(test_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
