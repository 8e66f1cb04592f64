/* SPDX-License-Identifier: MIT
 * What happens to the other connections while the only thread of a worker is busy. */
#include "unit.h"

#include <sys/mman.h>

#include "h1_output.h"
#include "one_thread.h"

enum { SHORT_US = 300000, LONGER_US = 400000 };

/* Time goes by where the test says so and nowhere else, however slow the machine is. */
static int64_t time_us = 1000000000;

int64_t __wrap_clock_now_us(void);

int64_t __wrap_clock_now_us(void)
{
    return time_us;
}

static void work_for_long(void)
{
    time_us += LONGER_US;
}

/* --- Time limits --- */

static void time_in_the_application_is_not_silence(void **state)
{
    struct exchange *exchange;

    (void)state;
    settings.keep_alive_us = SHORT_US;
    open_server();
    clients[0] = loopback_connect(&listener);
    clients[1] = loopback_connect(&listener);
    tell(clients[0], GET("/slow"));
    exchange = take("/slow");
    work_for_long();
    answer(exchange);
    tell(clients[1], GET("/other")); /* makes the loop turn */
    answer(take("/other"));
    assert_int_equal(read_answer(clients[0]), -EAGAIN); /* still open */
}

static void a_request_that_came_in_time_is_served(void **state)
{
    struct exchange *exchange;

    (void)state;
    settings.keep_alive_us = SHORT_US;
    open_server();
    clients[0] = loopback_connect(&listener);
    clients[1] = loopback_connect(&listener);
    tell(clients[0], GET("/first"));
    answer(take("/first"));
    tell(clients[1], GET("/slow"));
    exchange = take("/slow");
    tell(clients[0], GET("/second"));
    work_for_long();
    answer(exchange);
    answer(take("/second"));
}

static void a_body_that_came_in_time_is_read(void **state)
{
    struct exchange *exchange;

    (void)state;
    settings.body_timeout_us = SHORT_US;
    open_server();
    clients[0] = loopback_connect(&listener);
    clients[1] = loopback_connect(&listener);
    tell(clients[0], "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
    tell(clients[1], GET("/slow"));
    exchange = take("/slow");
    tell(clients[0], "def");
    work_for_long();
    answer(exchange);
    exchange = take("/body");
    assert_memory_equal(exchange->body.memory, "abcdef", 6);
    answer(exchange);
}

/* Bytes behind an urgent one stay unread, and no event tells of them. */
static void urgent_bytes_do_not_keep_a_connection_open(void **state)
{
    (void)state;
    settings.head_timeout_us = 1000;
    open_server();
    clients[0] = loopback_connect(&listener);
    clients[1] = loopback_connect(&listener);
    tell(clients[0], "GET");
    tell(clients[1], GET("/turn"));
    answer(take("/turn"));
    tell(clients[0], " / HT");
    assert_int_equal(send(clients[0], "!", 1, MSG_OOB), 1);
    tell(clients[0], "TP/1.1\r\n");
    for (int i = 0; i < 10; i++) {
        tell(clients[1], GET("/turn"));
        answer(take("/turn"));
        time_us += 2 * settings.head_timeout_us;
    }
    read_answer(clients[0]); /* 408 */
}

enum { LARGE_BYTES = 900000 };

/* A response that the kernels do not take whole: its rest waits in the connection's queue. */
static void leave_response_queued(void)
{
    static char body[LARGE_BYTES];
    struct slice block = slice_of(body, sizeof(body));
    const int small = 32768;
    struct exchange *exchange;

    setsockopt(listener.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    clients[0] = loopback_connect(&listener);
    clients[1] = loopback_connect(&listener);
    tell(clients[0], GET("/large"));
    exchange = take("/large");
    work_for_long();
    assert_int_equal(exchange_begin_head(exchange, 200, SLICE("OK")), HEAD_OK);
    assert_int_equal(exchange_write(exchange, &block, 1, true), EXCHANGE_OK);
    h1_server_finish(server, driver);
}

static void read_queued_response(size_t total)
{
    while (total < LARGE_BYTES) {
        assert_int_equal(read_all(clients[0], &total), -EAGAIN);
        tell(clients[1], GET("/turn"));
        answer(take("/turn"));
        assert_int_equal(read_answer(clients[1]), -EAGAIN);
    }
}

static void time_to_send_starts_with_the_response(void **state)
{
    (void)state;
    settings.send_timeout_us = SHORT_US;
    open_server();
    leave_response_queued();
    read_queued_response(0);
}

static void a_client_that_took_something_is_no_slow_reader(void **state)
{
    struct exchange *exchange;
    size_t total = 0;

    (void)state;
    settings.send_timeout_us = SHORT_US;
    open_server();
    leave_response_queued();
    tell(clients[1], GET("/slow"));
    exchange = take("/slow");
    assert_int_equal(read_all(clients[0], &total), -EAGAIN);
    work_for_long();
    answer(exchange);
    assert_int_equal(read_answer(clients[1]), -EAGAIN);
    read_queued_response(total);
}

/* --- Fairness --- */

static void pipelining_does_not_hold_up_others(void **state)
{
    struct exchange *exchange;
    int before = 0;

    (void)state;
    open_server();
    clients[0] = loopback_connect(&listener);
    clients[1] = loopback_connect(&listener);
    for (int i = 0; i < 100; i++)
        tell(clients[0], GET("/many"));
    exchange = take("/many");
    tell(clients[1], GET("/other"));
    answer(exchange);
    while ((exchange = h1_server_next(server, driver)) != NULL &&
           slice_equal(exchange->request->path, SLICE("/many"))) {
        before++;
        answer(exchange);
    }
    assert_non_null(exchange);
    answer(exchange);
    assert_in_range(before, 0, 3);
}

/* A client that takes as fast as is sent gets its file in turns: the others come between them. */
static void a_large_file_does_not_hold_up_others(void **state)
{
    enum { FILE_BYTES = 8 << 20, HEAD_BYTES = 1024 };
    int fd = memfd_create("large", MFD_CLOEXEC);
    struct exchange *exchange;
    size_t total = 0, before;

    (void)state;
    assert_int_equal(ftruncate(fd, FILE_BYTES), 0);
    open_server();
    clients[0] = loopback_connect(&listener);
    clients[1] = loopback_connect(&listener);
    tell(clients[0], GET("/file"));
    exchange = take("/file");
    assert_int_equal(exchange_begin_head(exchange, 200, SLICE("OK")), HEAD_OK);
    assert_int_equal(exchange_write_file(exchange, fd, 0, FILE_BYTES), EXCHANGE_OK);
    close(fd);
    h1_server_finish(server, driver);
    while (total < FILE_BYTES) {
        before = total;
        assert_int_equal(read_all(clients[0], &total), -EAGAIN);
        assert_in_range(total - before, 0, 2 * H1_OUTPUT_TURN_BYTES + HEAD_BYTES);
        tell(clients[1], GET("/turn"));
        answer(take("/turn"));
        assert_int_equal(read_answer(clients[1]), -EAGAIN);
    }
    tell(clients[0], GET("/next"));
    answer(take("/next"));
}

static void every_listener_is_served(void **state)
{
    enum { MANY = 100 };
    static struct listener many[MANY];
    struct exchange *exchange;
    char error[200];

    (void)state;
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(listener_open(&many[i], "127.0.0.1:0", 1, error, sizeof(error)), 0);
    open_server_for(many, MANY);
    clients[0] = loopback_connect(&many[MANY - 1]);
    tell(clients[0], GET("/last"));
    exchange = take("/last");
    assert_string_equal(exchange->endpoints->server_port, many[MANY - 1].server_port);
    answer(exchange);
    for (size_t i = 0; i < MANY; i++)
        listener_close(&many[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONN_TEST(time_in_the_application_is_not_silence), CONN_TEST(a_request_that_came_in_time_is_served),
        CONN_TEST(a_body_that_came_in_time_is_read),       CONN_TEST(urgent_bytes_do_not_keep_a_connection_open),
        CONN_TEST(time_to_send_starts_with_the_response),  CONN_TEST(a_client_that_took_something_is_no_slow_reader),
        CONN_TEST(pipelining_does_not_hold_up_others),     CONN_TEST(every_listener_is_served),
        CONN_TEST(a_large_file_does_not_hold_up_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
