/* SPDX-License-Identifier: MIT
 * What a worker puts into the queue of all workers although its app thread is free. */
#include "unit.h"

#include "h1_conn_priv.h"
#include "h1_queue.h"
#include "h1_server_priv.h"
#include "one_thread.h"

static struct handoff handoff;

static void open_server_with_sibling(void)
{
    const struct h1_place place = {.listeners = &listener, .listener_count = 1, .handoff = &handoff};
    char error[200];

    assert_int_equal(listener_open(&listener, "127.0.0.1:0", 64, error, sizeof(error)), 0);
    assert_int_equal(handoff_open(&handoff, 2), 0);
    open_server_at_place(&place);
    atomic_store(&handoff.board->rows[1].is_waiting, 1);
}

static int close_queue(void **state)
{
    int failed = tear_down(state);

    handoff_close(&handoff);
    return failed;
}

/* A request that could as well be run here is not turned away because too many wait. */
static void what_is_given_away_is_not_refused(void **state)
{
    (void)state;
    settings.queue_limit = 1;
    open_server_with_sibling();
    clients[0] = loopback_connect(&listener);
    atomic_store(&handoff.board->waiting, 1); /* somebody else's, in a moment */
    atomic_store(&server->balance.to_shed, 1);
    tell(clients[0], GET("/here"));
    answer(take("/here"));
}

static void what_is_given_away_waits_for_the_first_that_is_free(void **state)
{
    (void)state;
    open_server_with_sibling();
    clients[0] = loopback_connect(&listener);
    atomic_store(&server->balance.to_shed, 1);
    tell(clients[0], GET("/anywhere"));
    answer(take("/anywhere"));
    assert_int_equal(server->balance.to_shed, 0);
}

/* A request in the queue whose client is `fd`. */
static void put_request(int fd)
{
    static const char request[] = GET("/queued");
    struct handoff_header header = {.kind = HANDOFF_REQUEST, .head_bytes = sizeof(request) - 1};
    struct iovec piece = {.iov_base = (void *)(uintptr_t)request, .iov_len = sizeof(request) - 1};

    assert_int_equal(handoff_give(&handoff, &header, &piece, 1, fd, -1), 0);
}

/* Nor do its deadlines, or the order to end. */
static void own_clients_do_not_wait_for_the_queue_to_be_empty(void **state)
{
    const int some = 50;
    int pair[2], served = 0;
    bool is_own = false;

    (void)state;
    open_server_with_sibling();
    clients[0] = loopback_connect(&listener);
    tell(clients[0], GET("/own"));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    for (int i = 0; i < some; i++)
        put_request(pair[1]);
    for (; !is_own; served++) {
        struct exchange *exchange = h1_server_next(server, driver);

        is_own = slice_equal(exchange->request->path, SLICE("/own"));
        answer(exchange);
    }
    assert_in_range(served, 1, some / 2);
    close(pair[0]);
    close(pair[1]);
}

/* A new connection that its worker has given away; returns its client. */
static int put_new_connection(void)
{
    struct handoff_header header = {.kind = HANDOFF_IDLE, .is_trusted = 1, .awaits_proxy_header = 1};
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(handoff_give(&handoff, &header, NULL, 0, pair[1], -1), 0);
    close(pair[1]);
    return pair[0];
}

static struct h1_conn *find_new_connection(void)
{
    for (struct list_node *node = server->conns.head.next; node != &server->conns.head; node = node->next) {
        struct h1_conn *conn = CONTAINER_OF(node, struct h1_conn, conns_node);

        if (conn->awaits_proxy_header)
            return conn;
    }
    return NULL;
}

/* Once its first bytes have come, head-timeout counts, and it is not closed to make room. */
static void a_header_that_has_begun_is_no_idle_connection(void **state)
{
    struct h1_conn *conn;

    (void)state;
    open_server_with_sibling();
    clients[1] = loopback_connect(&listener);
    tell(clients[1], GET("/first"));
    answer(take("/first")); /* and this thread drives */
    clients[0] = put_new_connection();
    assert_false(h1_queue_take(server, driver));
    conn = find_new_connection();
    assert_non_null(conn);
    assert_ptr_equal(conn->state, &H1_IDLE);
    tell(clients[0], "PROXY UNK");
    while (conn->proxy == NULL)
        h1_server_step(server, true);
    assert_ptr_equal(conn->state, &H1_READING_HEAD);
    assert_false(h1_conn_is_quiet(conn));
    tell(clients[0], "NOWN\r\n");
    while (conn->awaits_proxy_header)
        h1_server_step(server, true);
    assert_ptr_equal(conn->state, &H1_READING_HEAD);
    assert_true(h1_conn_is_quiet(conn));
    tell(clients[0], GET("/here"));
    answer(take("/here"));
}

/* The address goes to other processes with all bytes of its place. */
static void nothing_stands_behind_an_address(void **state)
{
    static const struct cidr_list nobody;
    struct h1_conn *conn;

    (void)state;
    settings.trusted = &nobody;
    open_server_with_sibling();
    clients[1] = loopback_connect(&listener);
    tell(clients[1], GET("/first"));
    answer(take("/first"));
    clients[0] = put_new_connection();
    assert_false(h1_queue_take(server, driver));
    conn = find_new_connection();
    assert_non_null(conn);
    tell(clients[0], "PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n");
    while (conn->awaits_proxy_header)
        h1_server_step(server, true);
    assert_string_equal(conn->remote_address, "192.0.2.1");
    for (size_t i = strlen(conn->remote_address); i < sizeof(conn->remote_address); i++)
        assert_int_equal(conn->remote_address[i], 0);
}

/* Also those that no line tells of when they are turned away. */
static void refusals_that_were_left_out_are_told(void **state)
{
    int pair[2];

    (void)state;
    settings.queue_timeout_us = 1;
    open_server_with_sibling();
    clients[0] = loopback_connect(&listener);
    tell(clients[0], GET("/own"));
    answer(take("/own"));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    for (int i = 0; i < 2 * H1_LOG_LIMIT_LINES; i++)
        put_request(pair[1]); /* which has waited since the clock began */
    assert_false(h1_queue_take(server, driver));
    assert_true(h1_log_limit_has_more(&server->refusal_limit));
    assert_true(list_has_node(&server->refusal_tell.node));
    close(pair[0]);
    close(pair[1]);
}

/* The other half would be a bare LF to whoever has it then. */
static void half_an_empty_line_is_not_given_away(void **state)
{
    struct h1_conn *conn;

    (void)state;
    open_server_with_sibling();
    clients[0] = loopback_connect(&listener);
    tell(clients[0], GET("/first"));
    answer(take("/first"));
    conn = CONTAINER_OF(server->conns.head.next, struct h1_conn, conns_node);
    tell(clients[0], "\r");
    while (conn->skipped_bytes != 1)
        h1_server_step(server, true);
    assert_false(h1_queue_put_idle(conn));
    tell(clients[0], "\n");
    while (conn->skipped_bytes != 2)
        h1_server_step(server, true);
    assert_true(h1_queue_put_idle(conn));
}

/* A worker that somebody has taken over can put anything into the queue. */
static void what_no_worker_sends_is_not_believed(void **state)
{
    struct handoff_header headers[] = {
        {.kind = HANDOFF_IDLE, .listener = 1},
        {.kind = HANDOFF_IDLE, .listener = UINT32_MAX},
        {.kind = HANDOFF_IDLE},
        {.kind = HANDOFF_IDLE},
    };
    int pair[2];
    char byte;

    (void)state;
    memset(headers[2].client_address, '1', sizeof(headers[2].client_address));
    memset(headers[3].client_port, '1', sizeof(headers[3].client_port));
    open_server_with_sibling();
    clients[0] = loopback_connect(&listener);
    tell(clients[0], GET("/own"));
    answer(take("/own"));
    for (size_t i = 0; i < ARRAY_COUNT(headers); i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        assert_int_equal(handoff_give(&handoff, &headers[i], NULL, 0, pair[1], -1), 0);
        close(pair[1]);
        assert_false(h1_queue_take(server, driver));
        assert_int_equal(server->conn_count, 1);
        assert_int_equal(recv(pair[0], &byte, 1, 0), 0); /* closed */
        close(pair[0]);
    }
}

/* It is kept until there is, lest a request that is on its way find it closed. */
static void an_idle_connection_is_given_away_when_the_queue_has_room(void **state)
{
    const struct handoff_header nudge = {.kind = HANDOFF_NUDGE};
    static char buffer[HANDOFF_MESSAGE_BYTES];
    struct handoff_message message;

    (void)state;
    open_server_with_sibling();
    atomic_store(&handoff.board->rows[1].is_serving, 1);
    clients[0] = loopback_connect(&listener);
    tell(clients[0], GET("/last"));
    answer(take("/last"));
    while (handoff_give(&handoff, &nudge, NULL, 0, -1, -1) == 0)
        continue;
    h1_server_drain(server);
    assert_int_equal(server->conn_count, 1);
    assert_int_equal(handoff_take(&handoff, buffer, &message), 0);
    assert_null(h1_server_next(server, driver));
    assert_int_equal(server->conn_count, 0);
    assert_int_equal(handoff_take(&handoff, buffer, &message), 1);
    assert_int_equal(message.header.kind, HANDOFF_IDLE);
    close(message.conn_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(half_an_empty_line_is_not_given_away, set_up, close_queue),
        cmocka_unit_test_setup_teardown(what_no_worker_sends_is_not_believed, set_up, close_queue),
        cmocka_unit_test_setup_teardown(an_idle_connection_is_given_away_when_the_queue_has_room, set_up, close_queue),
        cmocka_unit_test_setup_teardown(what_is_given_away_is_not_refused, set_up, close_queue),
        cmocka_unit_test_setup_teardown(what_is_given_away_waits_for_the_first_that_is_free, set_up, close_queue),
        cmocka_unit_test_setup_teardown(a_header_that_has_begun_is_no_idle_connection, set_up, close_queue),
        cmocka_unit_test_setup_teardown(nothing_stands_behind_an_address, set_up, close_queue),
        cmocka_unit_test_setup_teardown(refusals_that_were_left_out_are_told, set_up, close_queue),
        cmocka_unit_test_setup_teardown(own_clients_do_not_wait_for_the_queue_to_be_empty, set_up, close_queue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
