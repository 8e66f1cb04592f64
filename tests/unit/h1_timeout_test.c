/* SPDX-License-Identifier: MIT
 * Requests that take about as long as they may, on several app threads with a sentry: whoever is first, each client
 * gets a whole response, a 504 alone, or a response that is visibly cut off; and all agree on which. */
#include "unit.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "exchange.h"
#include "fd.h"
#include "h1_server.h"
#include "listener.h"
#include "loopback.h"

enum { THREADS = 3, CLIENTS = 6, REQUESTS_PER_CLIENT = 40, MOST_REQUESTS_PER_CLIENT = 4000, TIMEOUT_US = 4000 };

struct app_thread {
    pthread_t id;
    struct h1_driver *driver;
};

static struct listener listener;
static struct h1_server *server;
static int stop_fd;
static _Atomic(int) told_answered, told_cut, told_late, ended_told, ended_504, ended_200, asked;
static _Atomic(int) got_504, got_cut, got_whole;

static void on_begin(void *context, int thread, const struct exchange *exchange)
{
    (void)context;
    (void)thread;
    (void)exchange;
}

static void on_end(void *context, int thread, const struct exchange *exchange, const struct h1_summary *summary)
{
    (void)context;
    (void)thread;
    (void)exchange;
    assert_true(summary->is_told || summary->status != 504);
    atomic_fetch_add(&ended_told, summary->is_told);
    atomic_fetch_add(summary->status == 504 ? &ended_504 : &ended_200, 1);
}

static void on_timeout(void *context, int thread, const struct exchange *exchange, const struct h1_summary *summary,
                       enum h1_fate verdict)
{
    (void)context;
    assert_int_equal(summary->status, verdict == H1_FATE_LATE ? 200 : 504);
    assert_true(summary->duration_us >= TIMEOUT_US);
    assert_true(verdict != H1_FATE_ANSWERED || summary->body_bytes == 0);
    assert_false(summary->is_told);
    assert_in_range(thread, 0, THREADS - 1);
    assert_int_equal(exchange->request->method.len, 3);
    assert_int_equal(exchange->request->path.len, 3);
    atomic_fetch_add(verdict == H1_FATE_ANSWERED ? &told_answered : verdict == H1_FATE_CUT ? &told_cut : &told_late, 1);
}

static void on_stop(void *context, int fd)
{
    uint64_t count;

    (void)context;
    (void)!read(fd, &count, sizeof(count));
    h1_server_drain(server);
}

/* /ab waits a milliseconds, writes, waits b, and writes the rest; /a- writes nothing before the end. */
static void serve(struct exchange *exchange)
{
    struct slice path = exchange->request->path, block = SLICE("half");
    enum exchange_result result = EXCHANGE_OK;

    usleep((useconds_t)(path.ptr[1] - '0') * 1000);
    assert_int_equal(exchange_begin_head(exchange, 200, SLICE("OK")), HEAD_OK);
    if (path.ptr[2] == '-') {
        assert_true(exchange_buffer_body(exchange, &block, 1));
        return;
    }
    result = exchange_write(exchange, &block, 1, false);
    usleep((useconds_t)(path.ptr[2] - '0') * 1000);
    if (result == EXCHANGE_OK)
        exchange_write(exchange, &block, 1, true);
}

static void *run_app_thread(void *context)
{
    struct app_thread *thread = context;
    struct exchange *exchange;

    while ((exchange = h1_server_next(server, thread->driver)) != NULL) {
        serve(exchange);
        h1_server_finish(server, thread->driver);
    }
    return NULL;
}

static bool ends_with(const struct buf *bytes, const char *text)
{
    size_t len = strlen(text);

    return bytes->len >= len && memcmp(bytes->ptr + bytes->len - len, text, len) == 0;
}

static void judge_answer(const struct buf *answer, bool is_chunked)
{
    if (answer->len > 12 && memcmp(answer->ptr, "HTTP/1.1 504", 12) == 0) {
        assert_true(ends_with(answer, "request-timeout\n"));
        assert_null(memmem(answer->ptr + 1, answer->len - 1, "HTTP/1.1", 8));
        atomic_fetch_add(&got_504, 1);
    } else if (is_chunked ? ends_with(answer, "0\r\n\r\n") : ends_with(answer, "half")) {
        atomic_fetch_add(&got_whole, 1);
    } else {
        atomic_fetch_add(&got_cut, 1);
    }
}

/* So many requests, and on a machine that is busy with something else more, until each way to end has been seen. */
static bool has_enough(unsigned requests)
{
    bool has_all = got_504 > 0 && got_cut > 0 && got_whole > 0;

    return requests >= (has_all ? REQUESTS_PER_CLIENT : MOST_REQUESTS_PER_CLIENT);
}

static void *run_client(void *context)
{
    unsigned number = (unsigned)(size_t)context;

    for (unsigned i = 0; !has_enough(i); i++) {
        char request[80], piece[4096];
        int fd = loopback_connect(&listener), len;
        bool is_chunked = i % 3 != 0;
        struct buf answer;
        ssize_t got;

        atomic_fetch_add(&asked, 1);
        buf_init(&answer);
        len = snprintf(request, sizeof(request), "GET /%u%c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                       (i + number) % 6, is_chunked ? (char)('0' + i % 5) : '-');
        assert_int_equal(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
        while ((got = recv(fd, piece, sizeof(piece), 0)) > 0)
            assert_int_equal(buf_append(&answer, slice_of(piece, (size_t)got)), 0);
        judge_answer(&answer, is_chunked);
        buf_fini(&answer);
        close(fd);
    }
    return NULL;
}

static void open_server(struct h1_settings *settings, struct h1_observer *observer, struct app_thread *threads)
{
    struct h1_place place = {.listeners = &listener, .listener_count = 1};
    char error[200];

    *settings = patient_settings;
    settings->thread_count = THREADS;
    settings->request_timeout_us = TIMEOUT_US;
    assert_int_equal(listener_open(&listener, "127.0.0.1:0", 64, error, sizeof(error)), 0);
    *observer = (struct h1_observer){.on_begin = on_begin, .on_end = on_end, .on_timeout = on_timeout};
    server = h1_server_new(settings, &place, observer);
    assert_non_null(server);
    stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_int_equal(h1_server_watch(server, stop_fd, on_stop, NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        threads[i].driver = h1_driver_new(server, i);
        assert_non_null(threads[i].driver);
    }
    assert_int_equal(h1_server_start_sentry(server), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i].id, NULL, run_app_thread, &threads[i]), 0);
}

static void close_server(struct app_thread *threads)
{
    uint64_t one = 1;

    (void)!write(stop_fd, &one, sizeof(one));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i].id, NULL);
    for (int i = 0; i < THREADS; i++)
        h1_driver_free(threads[i].driver);
    h1_server_free(server);
    close(stop_fd);
    listener_close(&listener);
}

static void everybody_agrees(void **state)
{
    struct h1_settings settings;
    struct h1_observer observer;
    struct app_thread threads[THREADS];
    pthread_t clients[CLIENTS];

    (void)state;
    open_server(&settings, &observer, threads);
    for (size_t i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&clients[i], NULL, run_client, (void *)i), 0);
    for (size_t i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);
    close_server(threads);
    assert_true(asked >= CLIENTS * REQUESTS_PER_CLIENT);
    assert_int_equal(got_504 + got_whole + got_cut, asked);
    assert_int_equal(told_answered, got_504);
    assert_int_equal(ended_504, told_answered + told_cut);
    assert_int_equal(ended_told, ended_504 + told_late);
    assert_int_equal(ended_504 + ended_200, asked);
    assert_true(got_cut <= told_cut); /* what was cut may have been whole just before */
    assert_true(got_504 > 0);
    assert_true(got_cut > 0);
    assert_true(got_whole > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(everybody_agrees)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
