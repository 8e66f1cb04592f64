/* SPDX-License-Identifier: MIT
 * The app threads of a worker, with a gateway without an interpreter: how many requests run at once, on which threads,
 * and what happens when one of them cannot be set up. */
#include "worker_threads.h"

#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exchange.h"
#include "gateway.h"
#include "h1_server.h"
#include "handoff.h"
#include "loopback.h"

enum { THREADS = 4 };

/* What is known of one app thread. */
struct gateway_thread {
    struct gateway *gateway;
    pthread_t id;
    char name[16];
    sigset_t blocked;
    bool is_stopped;
};

struct gateway {
    int most_starts; /* what is asked for beyond it fails */
    _Atomic(int) starts, served;
    struct gateway_thread threads[THREADS];
    pthread_barrier_t all_run; /* every request waits until as many run as there are threads */
};

struct fixture {
    struct gateway gateway;
    struct h1_settings settings;
    struct h1_observer observer;
    struct listener listener;
    struct handoff handoff;
    struct h1_server *server;
    struct worker_threads *threads;
    int end_fd; /* eventfd: the clients have got their answers */
    int clients[THREADS];
    _Atomic(unsigned) seen; /* a bit for each thread that the observer was told of */
};

/* --- A gateway --- */

static struct gateway_thread *start_thread(struct gateway *gateway)
{
    int number = atomic_fetch_add(&gateway->starts, 1);
    struct gateway_thread *thread;

    if (number >= gateway->most_starts)
        return NULL;
    thread = &gateway->threads[number];
    thread->gateway = gateway;
    thread->id = pthread_self();
    pthread_getname_np(pthread_self(), thread->name, sizeof(thread->name));
    pthread_sigmask(SIG_SETMASK, NULL, &thread->blocked);
    return thread;
}

static void stop_thread(struct gateway_thread *thread)
{
    assert_true(pthread_equal(thread->id, pthread_self()));
    thread->is_stopped = true;
}

static void serve(struct gateway_thread *thread, struct exchange *exchange)
{
    const struct slice body = SLICE("done");

    assert_true(pthread_equal(thread->id, pthread_self()));
    pthread_barrier_wait(&thread->gateway->all_run);
    atomic_fetch_add(&thread->gateway->served, 1);
    assert_int_equal(exchange_begin_head(exchange, 200, SLICE("OK")), HEAD_OK);
    exchange_buffer_body(exchange, &body, 1);
}

static const struct gateway_ops ops = {.start_thread = start_thread, .stop_thread = stop_thread, .serve = serve};

/* --- A server --- */

static void on_begin(void *context, int thread, const struct exchange *exchange)
{
    struct fixture *fixture = context;

    (void)exchange;
    atomic_fetch_or(&fixture->seen, 1U << thread);
}

static void on_end(void *context, int thread, const struct exchange *exchange, const struct h1_summary *summary)
{
    (void)context;
    (void)thread;
    (void)exchange;
    assert_int_equal(summary->status, 200);
}

static void on_clients_done(void *context, int fd)
{
    struct fixture *fixture = context;

    h1_server_unwatch(fixture->server, fd);
    h1_server_drain(fixture->server);
}

static void open_fixture(struct fixture *fixture, int most_starts)
{
    struct h1_place place = {.listeners = &fixture->listener, .listener_count = 1, .handoff = &fixture->handoff};
    char error[200];

    *fixture = (struct fixture){.gateway = {.most_starts = most_starts}, .settings = patient_settings};
    fixture->settings.thread_count = THREADS;
    fixture->observer = (struct h1_observer){.context = fixture, .on_begin = on_begin, .on_end = on_end};
    pthread_barrier_init(&fixture->gateway.all_run, NULL, THREADS);
    assert_int_equal(listener_open(&fixture->listener, "127.0.0.1:0", 16, error, sizeof(error)), 0);
    assert_int_equal(handoff_open(&fixture->handoff, 1), 0);
    fixture->server = h1_server_new(&fixture->settings, &place, &fixture->observer);
    assert_non_null(fixture->server);
    fixture->end_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_int_equal(h1_server_watch(fixture->server, fixture->end_fd, on_clients_done, fixture), 0);
    fixture->threads = worker_threads_new(&ops, &fixture->gateway, fixture->server, THREADS);
}

static void close_fixture(struct fixture *fixture)
{
    h1_server_free(fixture->server);
    listener_end(&fixture->listener);
    handoff_close(&fixture->handoff);
    close(fixture->end_fd);
    pthread_barrier_destroy(&fixture->gateway.all_run);
}

/* --- Clients --- */

/* One request on each connection; the answers come when all of them run. */
static void *run_clients(void *context)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct fixture *fixture = context;
    const uint64_t one = 1;
    char answer[2000];

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(send(fixture->clients[i], request, strlen(request), MSG_NOSIGNAL), strlen(request));
    for (int i = 0; i < THREADS; i++) {
        assert_true(recv(fixture->clients[i], answer, sizeof(answer), 0) > 0);
        close(fixture->clients[i]);
    }
    assert_int_equal(write(fixture->end_fd, &one, sizeof(one)), sizeof(one));
    return NULL;
}

static void serve_clients(struct fixture *fixture)
{
    pthread_t clients;

    for (int i = 0; i < THREADS; i++)
        fixture->clients[i] = loopback_connect(&fixture->listener);
    pthread_create(&clients, NULL, run_clients, fixture);
    worker_threads_serve(fixture->threads);
    pthread_join(clients, NULL);
}

/* --- Tests --- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void assert_others_have_names(const struct gateway *gateway)
{
    const char *names[THREADS - 1];
    char expected[16];

    for (int i = 1; i < THREADS; i++)
        names[i - 1] = gateway->threads[i].name;
    qsort(names, THREADS - 1, sizeof(names[0]), compare_names);
    for (int i = 1; i < THREADS; i++) {
        snprintf(expected, sizeof(expected), "clutch-app-%d", i);
        assert_string_equal(names[i - 1], expected);
    }
}

static void test_as_many_requests_run_at_once_as_there_are_threads(void **state)
{
    struct fixture fixture;

    (void)state;
    open_fixture(&fixture, THREADS);
    assert_non_null(fixture.threads);
    assert_non_null(worker_threads_main_driver(fixture.threads));
    assert_int_equal(worker_threads_start(fixture.threads), 0);
    assert_int_equal(fixture.gateway.starts, THREADS);
    serve_clients(&fixture);
    assert_int_equal(fixture.gateway.served, THREADS);
    assert_int_equal(fixture.seen, (1U << THREADS) - 1);
    assert_false(fixture.gateway.threads[0].is_stopped);
    worker_threads_free(fixture.threads);
    for (int i = 0; i < THREADS; i++)
        assert_true(fixture.gateway.threads[i].is_stopped);
    close_fixture(&fixture);
}

static void test_signals_are_left_to_the_main_thread(void **state)
{
    struct fixture fixture;
    sigset_t blocked;

    (void)state;
    open_fixture(&fixture, THREADS);
    assert_int_equal(worker_threads_start(fixture.threads), 0);
    assert_others_have_names(&fixture.gateway);
    assert_true(pthread_equal(fixture.gateway.threads[0].id, pthread_self()));
    assert_false(sigismember(&fixture.gateway.threads[0].blocked, SIGTERM));
    for (int i = 1; i < THREADS; i++)
        assert_true(sigismember(&fixture.gateway.threads[i].blocked, SIGTERM));
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    assert_false(sigismember(&blocked, SIGTERM));
    serve_clients(&fixture);
    worker_threads_free(fixture.threads);
    close_fixture(&fixture);
}

/* In a child: what was started waits for ever. */
static void test_a_thread_that_cannot_be_set_up_fails_all(void **state)
{
    int wait_status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        static struct fixture fixture;

        open_fixture(&fixture, THREADS - 1);
        _exit(fixture.threads != NULL && worker_threads_start(fixture.threads) == -1 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &wait_status, 0), pid);
    assert_int_equal(wait_status, 0);
}

static void test_the_main_thread_that_cannot_be_set_up_fails_at_once(void **state)
{
    struct fixture fixture;

    (void)state;
    open_fixture(&fixture, 0);
    assert_null(fixture.threads);
    assert_int_equal(fixture.gateway.starts, 1);
    close_fixture(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_thread_that_cannot_be_set_up_fails_all),
        cmocka_unit_test(test_the_main_thread_that_cannot_be_set_up_fails_at_once),
        cmocka_unit_test(test_as_many_requests_run_at_once_as_there_are_threads),
        cmocka_unit_test(test_signals_are_left_to_the_main_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
