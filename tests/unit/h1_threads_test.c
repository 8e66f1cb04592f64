/* SPDX-License-Identifier: MIT
 * Servers with several app threads and a sentry, and two of them that share a queue: in one process, with a gateway
 * that is a C function, so that ThreadSanitizer sees everything. */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exchange.h"
#include "fd.h"
#include "h1_server.h"
#include "listener.h"
#include "loopback.h"

enum { MOST_THREADS = 4, MOST_SERVERS = 2, CLIENTS = 12, REQUESTS_PER_CLIENT = 150, MEET = 10 };

struct server {
    struct h1_settings settings;
    struct h1_observer observer;
    struct h1_server *http;
    struct h1_driver *drivers[MOST_THREADS];
    pthread_t threads[MOST_THREADS];
    int thread_count;
    int number;
    int stop_fd;
};

static struct listener listener;
static struct handoff handoff;
static struct server servers[MOST_SERVERS];
static pthread_barrier_t meeting;
static _Atomic(int) served, running, most_running, served_by[MOST_SERVERS];

static void on_begin(void *context, int thread, const struct exchange *exchange)
{
    struct server *server = context;

    (void)thread;
    (void)exchange;
    atomic_fetch_add(&served_by[server->number], 1);
}

static void on_end(void *context, int thread, const struct exchange *exchange, const struct h1_summary *summary)
{
    (void)context;
    (void)thread;
    (void)exchange;
    (void)summary;
    atomic_fetch_add(&served, 1);
}

static void on_stop(void *context, int fd)
{
    struct server *server = context;
    uint64_t count;

    (void)!read(fd, &count, sizeof(count));
    h1_server_drain(server->http);
}

/* /0 answers at once, /N after N hundred microseconds, for MEET when two such requests run. */
static void serve(struct exchange *exchange)
{
    struct slice path = exchange->request->path;
    int now = atomic_fetch_add(&running, 1) + 1, most = atomic_load(&most_running);

    while (now > most && !atomic_compare_exchange_weak(&most_running, &most, now))
        ;
    if (path.len > 1 && path.ptr[1] == '0' + MEET)
        pthread_barrier_wait(&meeting);
    else if (path.len > 1 && path.ptr[1] > '0')
        usleep((useconds_t)(path.ptr[1] - '0') * 100);
    assert_int_equal(exchange_begin_head(exchange, 200, SLICE("OK")), HEAD_OK);
    assert_true(exchange_buffer_body(exchange, &path, 1));
    atomic_fetch_sub(&running, 1);
}

struct app_thread {
    struct server *server;
    struct h1_driver *driver;
};

static void *run_app_thread(void *context)
{
    struct app_thread thread = *(struct app_thread *)context;
    struct exchange *exchange;

    free(context);
    while ((exchange = h1_server_next(thread.server->http, thread.driver)) != NULL) {
        serve(exchange);
        h1_server_finish(thread.server->http, thread.driver);
    }
    return NULL;
}

static void open_server(int number, int thread_count, unsigned without)
{
    struct server *server = &servers[number];
    struct h1_place place = {.listeners = &listener, .listener_count = 1, .handoff = &handoff, .row = (size_t)number};

    *server = (struct server){.settings = patient_settings, .thread_count = thread_count, .number = number};
    server->settings.without = without;
    server->settings.thread_count = thread_count;
    server->observer = (struct h1_observer){.context = server, .on_begin = on_begin, .on_end = on_end};
    server->http = h1_server_new(&server->settings, &place, &server->observer);
    assert_non_null(server->http);
    server->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_int_equal(h1_server_watch(server->http, server->stop_fd, on_stop, server), 0);
    for (int i = 0; i < thread_count; i++) {
        server->drivers[i] = h1_driver_new(server->http, i);
        assert_non_null(server->drivers[i]);
    }
}

static void start_server(struct server *server)
{
    assert_int_equal(h1_server_start_sentry(server->http), 0);
    for (int i = 0; i < server->thread_count; i++) {
        struct app_thread *thread = malloc(sizeof(*thread));

        *thread = (struct app_thread){.server = server, .driver = server->drivers[i]};
        assert_int_equal(pthread_create(&server->threads[i], NULL, run_app_thread, thread), 0);
    }
}

static void tell_to_stop(struct server *server)
{
    uint64_t one = 1;

    (void)!write(server->stop_fd, &one, sizeof(one));
}

static void close_server(struct server *server)
{
    for (int i = 0; i < server->thread_count; i++)
        pthread_join(server->threads[i], NULL);
    for (int i = 0; i < server->thread_count; i++)
        h1_driver_free(server->drivers[i]);
    h1_server_free(server->http);
    close(server->stop_fd);
}

static void open_all(int server_count, int thread_count, unsigned without)
{
    char error[200];

    served = running = most_running = served_by[0] = served_by[1] = 0;
    assert_int_equal(listener_open(&listener, "127.0.0.1:0", 64, error, sizeof(error)), 0);
    assert_int_equal(handoff_open(&handoff, MOST_SERVERS), 0);
    for (int i = 0; i < server_count; i++)
        open_server(i, thread_count, without);
    for (int i = 0; i < server_count; i++)
        start_server(&servers[i]);
}

/* Afterwards everything has been counted. */
static void close_all(int server_count)
{
    atomic_store(&handoff.board->is_stopping, 1);
    for (int i = 0; i < server_count; i++)
        tell_to_stop(&servers[i]);
    for (int i = 0; i < server_count; i++)
        close_server(&servers[i]);
    handoff_close(&handoff);
    listener_end(&listener);
    listener_close(&listener);
}

/* Sends a request for /digit and checks the answer. Returns false when the connection ended instead. */
static bool ask(int fd, int digit)
{
    char text[200], wanted[3] = {'/', (char)('0' + digit), '\0'};
    size_t len = 0;

    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", wanted);
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
        return false;
    for (;;) {
        ssize_t got = recv(fd, text + len, sizeof(text) - 1 - len, 0);

        if (got <= 0)
            return false;
        len += (size_t)got;
        text[len] = '\0';
        if (strstr(text, "\r\n\r\n/") != NULL && strcmp(text + len - 2, wanted) == 0)
            return true;
    }
}

struct client {
    pthread_t thread;
    unsigned seed;
    int answered;
};

static void *run_client(void *context)
{
    struct client *client = context;
    int fd = loopback_connect(&listener);

    for (int i = 0; i < REQUESTS_PER_CLIENT; i++) {
        int digit = rand_r(&client->seed) % 8 == 0 ? rand_r(&client->seed) % 9 + 1 : 0;

        if (ask(fd, digit))
            client->answered++;
        if (rand_r(&client->seed) % 32 == 0) {
            close(fd);
            fd = loopback_connect(&listener);
        }
    }
    close(fd);
    return NULL;
}

static void drive_clients(void)
{
    struct client clients[CLIENTS] = {0};

    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i].seed = i + 1;
        pthread_create(&clients[i].thread, NULL, run_client, &clients[i]);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        assert_int_equal(clients[i].answered, REQUESTS_PER_CLIENT);
    }
}

static void one_server_with_four_threads_answers_all(void **state)
{
    (void)state;
    open_all(1, 4, 0);
    drive_clients();
    close_all(1);
    assert_int_equal(served, CLIENTS * REQUESTS_PER_CLIENT);
    assert_true(most_running <= 4);
}

static void one_thread_runs_one_request_at_a_time(void **state)
{
    (void)state;
    open_all(1, 1, 0);
    drive_clients();
    close_all(1);
    assert_int_equal(served, CLIENTS * REQUESTS_PER_CLIENT);
    assert_int_equal(most_running, 1);
}

static void *ask_to_meet(void *context)
{
    int fd = loopback_connect(&listener);
    bool is_answered = ask(fd, MEET);

    close(fd);
    return is_answered ? context : NULL;
}

/* Two requests at once, of which either server can run only one. */
static void drive_to_a_meeting(void)
{
    void *is_answered = NULL;
    pthread_t other;

    pthread_barrier_init(&meeting, NULL, 2);
    assert_int_equal(pthread_create(&other, NULL, ask_to_meet, &meeting), 0);
    assert_non_null(ask_to_meet(&meeting));
    pthread_join(other, &is_answered);
    assert_non_null(is_answered);
}

static void two_servers_share_the_work(void **state)
{
    (void)state;
    open_all(2, 1, 0);
    drive_to_a_meeting();
    assert_int_equal(served_by[0], 1);
    assert_int_equal(served_by[1], 1);
    drive_clients();
    close_all(2);
    pthread_barrier_destroy(&meeting);
    assert_int_equal(served, CLIENTS * REQUESTS_PER_CLIENT + 2);
}

static void two_servers_with_two_threads_answer_all(void **state)
{
    (void)state;
    open_all(2, 2, 0);
    drive_clients();
    close_all(2);
    assert_int_equal(served, CLIENTS * REQUESTS_PER_CLIENT);
    assert_true(most_running <= 4);
}

static void requests_wait_in_the_worker_without_the_queue(void **state)
{
    (void)state;
    open_all(2, 1, H1_WITHOUT_HANDOFF);
    drive_clients();
    close_all(2);
    assert_int_equal(served, CLIENTS * REQUESTS_PER_CLIENT);
}

/* A connection that waits for its next request moves to the sibling when its worker ends. */
static void idle_connections_outlive_their_server(void **state)
{
    int fd, first;

    (void)state;
    open_all(2, 1, 0);
    fd = loopback_connect(&listener);
    assert_true(ask(fd, 0));
    first = served_by[0] == 1 ? 0 : 1;
    tell_to_stop(&servers[first]);
    close_server(&servers[first]);
    assert_true(ask(fd, 0));
    assert_int_equal(served_by[1 - first], 1);
    close(fd);
    atomic_store(&handoff.board->is_stopping, 1);
    tell_to_stop(&servers[1 - first]);
    close_server(&servers[1 - first]);
    handoff_close(&handoff);
    listener_end(&listener);
    listener_close(&listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_server_with_four_threads_answers_all),
        cmocka_unit_test(one_thread_runs_one_request_at_a_time),
        cmocka_unit_test(two_servers_share_the_work),
        cmocka_unit_test(two_servers_with_two_threads_answer_all),
        cmocka_unit_test(requests_wait_in_the_worker_without_the_queue),
        cmocka_unit_test(idle_connections_outlive_their_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
