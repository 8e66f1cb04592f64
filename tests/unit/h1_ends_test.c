/* SPDX-License-Identifier: MIT
 * How connections end, and which of them: what a client sees of it, and descriptors that get scarce or come unasked. */
#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "one_thread.h"

/* --- Ends of connections --- */

static void bytes_behind_the_last_request_do_not_cost_its_response(void **state)
{
    struct exchange *exchange;

    (void)state;
    open_server();
    clients[0] = loopback_connect(&listener);
    tell(clients[0], "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    exchange = take("/last");
    tell(clients[0], GET("/too-late"));
    answer(exchange);
    assert_int_equal(read_to_end(clients[0]), 0); /* not a reset, which may overtake the response */
}

static void a_client_that_sends_no_more_is_answered(void **state)
{
    struct exchange *exchange;

    (void)state;
    open_server();
    clients[0] = loopback_connect(&listener);
    tell(clients[0], GET("/half"));
    shutdown(clients[0], SHUT_WR);
    exchange = take("/half");
    while (!exchange_is_client_gone(exchange)) /* it may be */
        sched_yield();
    answer(exchange);
    assert_int_equal(last_status, 200);
    read_answer(clients[0]);
}

/* An application may fork; what it leaves running has a copy of the connection. */
static void a_fork_does_not_keep_a_response_open(void **state)
{
    struct slice block = SLICE("some");
    struct exchange *exchange;
    bool has_ended;
    pid_t child;

    (void)state;
    open_server();
    clients[0] = loopback_connect(&listener);
    tell(clients[0], "GET /fork HTTP/1.0\r\n\r\n");
    exchange = take("/fork");
    child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    assert_int_equal(exchange_begin_head(exchange, 200, SLICE("OK")), HEAD_OK);
    assert_int_equal(exchange_write(exchange, &block, 1, false), EXCHANGE_OK);
    assert_int_equal(exchange_write(exchange, NULL, 0, true), EXCHANGE_OK);
    h1_server_finish(server, driver);
    has_ended = poll(&(struct pollfd){.fd = clients[0], .events = POLLRDHUP}, 1, WATCHDOG_S * 1000) == 1;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_true(has_ended);
    assert_int_equal(read_to_end(clients[0]), 0);
}

static void refusals_of_head_have_no_body(void **state)
{
    char text[1024] = "";

    (void)state;
    open_server();
    clients[0] = loopback_connect(&listener);
    clients[1] = loopback_connect(&listener);
    tell(clients[0], "HEAD / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n");
    tell(clients[1], GET("/turn"));
    answer(take("/turn"));
    assert_true(recv(clients[0], text, sizeof(text) - 1, 0) > 0);
    assert_memory_equal(text, "HTTP/1.1 417 ", 13);
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
}

/* Without a length and without chunks the end of the connection ends the body: where it is cut off the client must be
 * able to tell. */
static void a_slow_reader_sees_that_the_body_is_cut_off(void **state)
{
    static char body[1 << 22];
    struct slice block = slice_of(body, sizeof(body));
    enum exchange_result result = EXCHANGE_OK;
    struct exchange *exchange;

    (void)state;
    settings.send_timeout_us = 1000;
    open_server();
    clients[0] = loopback_connect(&listener);
    tell(clients[0], "GET /large HTTP/1.0\r\n\r\n");
    exchange = take("/large");
    assert_int_equal(exchange_begin_head(exchange, 200, SLICE("OK")), HEAD_OK);
    for (int i = 0; i < 100 && result == EXCHANGE_OK; i++)
        result = exchange_write(exchange, &block, 1, false);
    assert_int_equal(result, EXCHANGE_GONE);
    h1_server_finish(server, driver);
    assert_int_equal(read_to_end(clients[0]), -ECONNRESET);
}

/* Whoever reads slowly, or not at all, costs its app thread no time while there is room for what it has not read. */
static void a_slow_reader_does_not_hold_the_app(void **state)
{
    static char body[8 << 20];
    struct slice block = slice_of(body, sizeof(body));
    struct exchange *exchange;
    size_t total = 0;

    (void)state;
    settings.response_memory_bytes = 1 << 16;
    settings.response_file_bytes = 1 << 24;
    open_server();
    clients[0] = loopback_connect(&listener);
    clients[1] = loopback_connect(&listener);
    tell(clients[0], GET("/large"));
    exchange = take("/large");
    assert_int_equal(exchange_begin_head(exchange, 200, SLICE("OK")), HEAD_OK);
    assert_int_equal(exchange_write(exchange, &block, 1, true), EXCHANGE_OK);
    h1_server_finish(server, driver);
    assert_int_equal(last_status, 200);
    while (total < sizeof(body)) { /* the client reads, and the loop turns while others are served */
        assert_int_equal(read_all(clients[0], &total), -EAGAIN);
        tell(clients[1], GET("/turn"));
        answer(take("/turn"));
        read_answer(clients[1]);
    }
    tell(clients[0], GET("/next"));
    answer(take("/next"));
}

/* Reads for seconds at a few MiB a second, whatever the machine can do; then as fast as it can. */
static void *read_bit_by_bit(void *context)
{
    static char piece[65536];

    for (int i = 0; recv(*(const int *)context, piece, i < 3000 ? 4096 : sizeof(piece), 0) > 0; i++)
        if (i < 3000)
            usleep(1000);
    return NULL;
}

/* One that reads something all the time, and yet too little. */
static void a_reader_below_the_rate_is_cut_off(void **state)
{
    static char body[1 << 26];
    struct slice block = slice_of(body, sizeof(body));
    enum exchange_result result;
    struct exchange *exchange;
    pthread_t reader;

    (void)state;
    settings.send_timeout_us = 300000;
    settings.send_rate_bytes = 1LL << 50;
    open_server();
    clients[0] = loopback_connect(&listener);
    tell(clients[0], GET("/large"));
    exchange = take("/large");
    assert_int_equal(pthread_create(&reader, NULL, read_bit_by_bit, &clients[0]), 0);
    assert_int_equal(exchange_begin_head(exchange, 200, SLICE("OK")), HEAD_OK);
    result = exchange_write(exchange, &block, 1, false);
    h1_server_finish(server, driver);
    shutdown(clients[0], SHUT_RD);
    pthread_join(reader, NULL);
    assert_int_equal(result, EXCHANGE_GONE);
    assert_int_equal(last_status, 499);
}

static void a_response_made_while_draining_says_so(void **state)
{
    char text[1024] = "";
    struct exchange *exchange;

    (void)state;
    open_server();
    clients[0] = loopback_connect(&listener);
    tell(clients[0], GET("/long"));
    exchange = take("/long");
    h1_server_drain(server);
    answer(exchange);
    assert_true(recv(clients[0], text, sizeof(text) - 1, 0) > 0);
    assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
    assert_int_equal(recv(clients[0], text, sizeof(text), 0), 0);
}

/* --- Descriptors --- */

static int lowest_free_fd(void)
{
    int fd = dup(watchdog_fd);

    close(fd);
    return fd;
}

/* The longest idle connection makes room, unless its next request is here already. */
static void only_quiet_connections_make_room(void **state)
{
    struct rlimit limit, low;
    struct exchange *exchange;

    (void)state;
    open_server();
    for (size_t i = 0; i < 3; i++)
        clients[i] = loopback_connect(&listener);
    tell(clients[0], GET("/busy"));
    answer(take("/busy"));
    tell(clients[1], GET("/quiet"));
    answer(take("/quiet"));
    tell(clients[2], GET("/turn"));
    exchange = take("/turn");
    clients[3] = loopback_connect(&listener);
    tell(clients[3], GET("/new"));
    tell(clients[0], GET("/again"));
    getrlimit(RLIMIT_NOFILE, &limit);
    low = (struct rlimit){.rlim_cur = (rlim_t)lowest_free_fd(), .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    answer(exchange);
    answer(take("/new"));
    answer(take("/again"));
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_int_equal(read_to_end(clients[1]), 0);
}

/* A client on a Unix socket can send descriptors along; nobody here wants them. */
static void sent_descriptors_are_not_taken(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec piece = {.iov_base = (char[]){GET("/fd")}, .iov_len = sizeof(GET("/fd")) - 1};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    char path[64], where[80];
    int free_before;

    (void)state;
    snprintf(path, sizeof(path), "h1_conn_test.%d", (int)getpid());
    snprintf(where, sizeof(where), "unix:%s", path);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    settings.wants_arrival_times = true;
    open_server_at(where);
    clients[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(clients[0], (struct sockaddr *)&address, sizeof(address)), 0);
    *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(header), &watchdog_fd, sizeof(int));
    tell(clients[0], GET("/first"));
    answer(take("/first"));
    free_before = lowest_free_fd();
    assert_true(sendmsg(clients[0], &message, MSG_NOSIGNAL) > 0);
    answer(take("/fd"));
    assert_int_equal(lowest_free_fd(), free_before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONN_TEST(bytes_behind_the_last_request_do_not_cost_its_response),
        CONN_TEST(a_client_that_sends_no_more_is_answered),
        CONN_TEST(a_fork_does_not_keep_a_response_open),
        CONN_TEST(refusals_of_head_have_no_body),
        CONN_TEST(a_slow_reader_sees_that_the_body_is_cut_off),
        CONN_TEST(a_slow_reader_does_not_hold_the_app),
        CONN_TEST(a_reader_below_the_rate_is_cut_off),
        CONN_TEST(a_response_made_while_draining_says_so),
        CONN_TEST(only_quiet_connections_make_room),
        CONN_TEST(sent_descriptors_are_not_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
