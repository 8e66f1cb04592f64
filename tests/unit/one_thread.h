/* SPDX-License-Identifier: MIT
 * A server whose clients and application run in its own thread, so that the order of what happens is always the same.
 * Each test opens the server (open_server), connects, tells, takes the request and answers it. */
#ifndef CLUTCH_ONE_THREAD_H
#define CLUTCH_ONE_THREAD_H

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "attrs.h"
#include "exchange.h"
#include "fd.h"
#include "h1_server.h"
#include "listener.h"
#include "loopback.h"

enum { WATCHDOG_S = 20, MOST_CLIENTS = 4 };

static struct h1_settings settings;
static struct listener listener;
static struct h1_server *server;
static struct h1_driver *driver;
static int watchdog_fd, clients[MOST_CLIENTS];

static void ignore_begin(void *context, int thread, const struct exchange *exchange)
{
    (void)thread;
    (void)context;
    (void)exchange;
}

static int last_status;

static void note_end(void *context, int thread, const struct exchange *exchange, const struct h1_summary *summary)
{
    (void)thread;
    (void)context;
    (void)exchange;
    last_status = summary->status;
}

static const struct h1_observer observer = {.on_begin = ignore_begin, .on_end = note_end};

/* A request that never comes ends the test instead of hanging it. */
static void on_watchdog(void *context, int fd)
{
    (void)context;
    h1_server_unwatch(server, fd);
    h1_server_drain(server);
}

static void open_server_at_place(const struct h1_place *place)
{
    const struct itimerspec limit = {.it_value.tv_sec = WATCHDOG_S};

    server = h1_server_new(&settings, place, &observer);
    assert_non_null(server);
    driver = h1_driver_new(server, 0);
    assert_non_null(driver);
    watchdog_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    timerfd_settime(watchdog_fd, 0, &limit, NULL);
    assert_int_equal(h1_server_watch(server, watchdog_fd, on_watchdog, NULL), 0);
}

static inline void open_server_for(const struct listener *listeners, size_t count)
{
    open_server_at_place(&(struct h1_place){.listeners = listeners, .listener_count = count});
}

static inline void open_server_at(const char *address)
{
    char error[200];

    assert_int_equal(listener_open(&listener, address, 64, error, sizeof(error)), 0);
    open_server_for(&listener, 1);
}

static inline void open_server(void)
{
    open_server_at("127.0.0.1:0");
}

static int set_up(void **state)
{
    (void)state;
    settings = patient_settings;
    for (size_t i = 0; i < MOST_CLIENTS; i++)
        clients[i] = -1;
    listener = (struct listener){.fd = -1};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOST_CLIENTS; i++)
        fd_close(&clients[i]);
    h1_driver_free(driver);
    h1_server_free(server);
    fd_close(&watchdog_fd);
    listener_end(&listener);
    return 0;
}

static void tell(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* The next request, which must be the one for this path. */
static struct exchange *take(const char *path)
{
    struct exchange *exchange = h1_server_next(server, driver);

    assert_non_null(exchange);
    assert_true(slice_equal(exchange->request->path, slice_of_string(path)));
    return exchange;
}

static void answer(struct exchange *exchange)
{
    struct slice body = exchange->request->path;

    assert_int_equal(exchange_begin_head(exchange, 200, SLICE("OK")), HEAD_OK);
    assert_true(exchange_buffer_body(exchange, &body, 1));
    h1_server_finish(server, driver);
}

/* Everything that can be read now. Returns what the last recv() did: 0, or -errno. */
static inline int read_all(int fd, size_t *total)
{
    static char piece[65536];
    ssize_t got;

    while ((got = recv(fd, piece, sizeof(piece), MSG_DONTWAIT)) > 0)
        *total += (size_t)got;
    return got == 0 ? 0 : -errno;
}

/* Waits until there is something to read, or the end: the kernel need not carry it over while the server sends. */
static inline void await_bytes(int fd)
{
    assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, WATCHDOG_S * 1000), 1);
}

static inline int read_answer(int fd)
{
    size_t total = 0;
    int end;

    await_bytes(fd);
    end = read_all(fd, &total);
    assert_true(total > 0);
    return end;
}

/* Until there is nothing to come any more. Returns as read_all(). */
static inline int read_to_end(int fd)
{
    size_t total = 0;
    int end;

    do {
        await_bytes(fd);
        end = read_all(fd, &total);
    } while (end == -EAGAIN);
    assert_true(total > 0);
    return end;
}

#define CONN_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
