/* SPDX-License-Identifier: MIT */
#include "h1_server.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "h1_server_priv.h"
#include "log.h"

enum { ACCEPT_PAUSE_US = 100000, LINGER_US = 2000000, MOST_RESERVED_DESCRIPTORS = 256 };

static int watch_acceptor(struct h1_acceptor *acceptor)
{
    /* Level triggered and not exclusive: a worker that was woken and is then busy with another request must not keep
     * the connection from the others. */
    int failed = loop_add(&acceptor->server->loop, &acceptor->source, EPOLLIN);

    if (failed < 0)
        log_error("%s cannot be watched: %s", acceptor->listener->url, strerror(-failed));
    return failed;
}

static void stop_accepting(struct h1_server *server)
{
    for (size_t i = 0; i < server->acceptor_count; i++)
        loop_remove(&server->loop, &server->acceptors[i].source);
}

static void resume_accepting(struct deadline *deadline)
{
    struct h1_server *server = CONTAINER_OF(deadline, struct h1_server, accept_deadline);

    server->is_accept_paused = false;
    if (server->is_draining)
        return;
    for (size_t i = 0; i < server->acceptor_count; i++)
        (void)watch_acceptor(&server->acceptors[i]);
}

/* NULL when every connection has something to do: also one whose next request is in the socket, unread. */
static struct h1_conn *find_longest_idle(const struct h1_server *server)
{
    for (struct list_node *node = server->idle.head.next; node != &server->idle.head; node = node->next) {
        struct h1_conn *conn = CONTAINER_OF(node, struct h1_conn, waiting_node);

        if (h1_conn_is_quiet(conn))
            return conn;
    }
    return NULL;
}

/* No descriptor or memory for another connection: the longest idle one makes room; if there is none, accepting pauses,
 * since the listener would be reported ready without end. */
static void relieve_pressure(struct h1_server *server, int error)
{
    struct h1_conn *longest_idle = find_longest_idle(server);

    if (longest_idle != NULL) {
        log_debug("accept: %s; the longest idle connection is closed", strerror(error));
        h1_conn_close(longest_idle);
        return;
    }
    log_warning("accept: %s; no more connections for %d ms", strerror(error), ACCEPT_PAUSE_US / 1000);
    stop_accepting(server);
    server->is_accept_paused = true;
    deadline_set(&server->loop, &server->accept_pause, &server->accept_deadline);
}

static void on_acceptable(struct loop_source *source, uint32_t events)
{
    struct h1_acceptor *acceptor = CONTAINER_OF(source, struct h1_acceptor, source);
    struct sockaddr_storage peer = {0};
    socklen_t peer_len = sizeof(peer);
    struct h1_conn *conn;
    int fd;

    (void)events;
    if (acceptor->server->conn_count >= acceptor->server->conn_limit) {
        relieve_pressure(acceptor->server, EMFILE);
        return;
    }
    /* One connection an event: what this worker does not take the others can. */
    fd = accept4(source->fd, (struct sockaddr *)&peer, &peer_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        conn = h1_conn_new(acceptor->server, fd, &peer, acceptor->listener);
        if (conn != NULL)
            h1_conn_proceed(conn);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        relieve_pressure(acceptor->server, errno);
    } else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR && errno != EINVAL) {
        /* EINVAL: the master has ended the address for all; the order to drain is among the next events. */
        log_warning("accept at %s: %s", acceptor->listener->url, strerror(errno));
    }
}

static void on_wait_over(struct deadline *deadline)
{
    struct h1_conn *conn = CONTAINER_OF(deadline, struct h1_conn, deadline);

    conn->state->on_deadline(conn);
}

static void init_waits(struct h1_server *server)
{
    const int64_t timeouts_us[WAIT_COUNT] = {
        [WAIT_HEAD] = server->settings->head_timeout_us,
        [WAIT_BODY] = server->settings->body_timeout_us,
        [WAIT_SEND] = server->settings->send_timeout_us,
        [WAIT_KEEP_ALIVE] = server->settings->keep_alive_us,
        [WAIT_LINGER] = LINGER_US,
    };

    for (int wait = WAIT_NONE + 1; wait < WAIT_COUNT; wait++)
        deadline_queue_init(&server->loop, &server->waits[wait], timeouts_us[wait], on_wait_over);
    deadline_queue_init(&server->loop, &server->accept_pause, ACCEPT_PAUSE_US, resume_accepting);
}

static bool init_driver(struct h1_server *server, const struct h1_settings *settings)
{
    struct h1_driver *driver = &server->driver;

    driver->read_buffer = malloc(READ_BUFFER_BYTES);
    driver->parse = malloc(h1_parse_size(settings));
    h1_body_init(&driver->body, settings);
    h1_exchange_init(&driver->exchange, settings, &server->is_draining);
    return driver->read_buffer != NULL && driver->parse != NULL;
}

static void fini_driver(struct h1_driver *driver)
{
    free(driver->read_buffer);
    free(driver->parse);
    buf_fini(&driver->replay);
    h1_body_fini(&driver->body);
    h1_exchange_fini(&driver->exchange);
}

static int add_acceptors(struct h1_server *server, const struct listener *listeners, size_t count)
{
    server->acceptors = calloc(count, sizeof(*server->acceptors));
    if (server->acceptors == NULL && count > 0) {
        log_error("the server could not be set up: out of memory");
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        struct h1_acceptor *acceptor = &server->acceptors[server->acceptor_count++];
        int on = 1;

        *acceptor = (struct h1_acceptor){
            .source = {.fd = listeners[i].fd, .on_events = on_acceptable},
            .server = server,
            .listener = &listeners[i],
        };
        /* Connections inherit it: the kernel then says when a request's bytes arrived, also while they waited in the
         * backlog. */
        if (server->settings->wants_arrival_times)
            setsockopt(listeners[i].fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
        if (watch_acceptor(acceptor) < 0)
            return -1;
    }
    return 0;
}

/* Connections must not take the descriptors that the application needs for its files, sockets and late imports. */
static size_t most_connections(void)
{
    struct rlimit files;
    size_t reserve;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    reserve = files.rlim_cur / 4;
    if (reserve > MOST_RESERVED_DESCRIPTORS)
        reserve = MOST_RESERVED_DESCRIPTORS;
    return files.rlim_cur - reserve;
}

struct h1_server *h1_server_new(const struct h1_settings *settings, const struct listener *listeners,
                                size_t listener_count, const struct h1_observer *observer)
{
    struct h1_server *server = calloc(1, sizeof(*server));

    if (server == NULL || !init_driver(server, settings) || loop_init(&server->loop) < 0) {
        log_error("the server could not be set up: %s", strerror(errno));
        if (server != NULL)
            fini_driver(&server->driver);
        free(server);
        return NULL;
    }
    server->settings = settings;
    server->observer = observer;
    server->conn_limit = most_connections();
    list_init(&server->conns);
    list_init(&server->closed);
    list_init(&server->idle);
    list_init(&server->pending);
    init_waits(server);
    if (add_acceptors(server, listeners, listener_count) < 0) {
        h1_server_free(server);
        return NULL;
    }
    return server;
}

static void on_watch_readable(struct loop_source *source, uint32_t events)
{
    struct h1_watch *watch = CONTAINER_OF(source, struct h1_watch, source);

    (void)events;
    watch->on_readable(watch->context, source->fd);
}

int h1_server_watch(struct h1_server *server, int fd, void (*on_readable)(void *context, int fd), void *context)
{
    struct h1_watch *watch = &server->watches[server->watch_count];

    if (server->watch_count == MOST_WATCHES)
        return -ENOSPC;
    *watch = (struct h1_watch){
        .source = {.fd = fd, .on_events = on_watch_readable}, .on_readable = on_readable, .context = context};
    server->watch_count++;
    return loop_add(&server->loop, &watch->source, EPOLLIN);
}

void h1_server_unwatch(struct h1_server *server, int fd)
{
    for (size_t i = 0; i < server->watch_count; i++) {
        if (server->watches[i].source.fd == fd)
            loop_remove(&server->loop, &server->watches[i].source);
    }
}

static void free_closed(struct h1_server *server)
{
    struct list_node *node;

    while ((node = list_first(&server->closed)) != NULL)
        h1_conn_free(CONTAINER_OF(node, struct h1_conn, conns_node));
}

/* One step: an event; else a connection that needs none. A look for new events comes between any two of those: a client
 * that never stops pipelining must not keep the others, or the order to drain, waiting. */
static void step(struct h1_server *server)
{
    struct list_node *pending;

    if (loop_dispatch(&server->loop))
        return;
    loop_wait(&server->loop, list_is_empty(&server->pending) && list_is_empty(&server->closed));
    pending = list_first(&server->pending);
    if (pending != NULL)
        h1_conn_proceed(CONTAINER_OF(pending, struct h1_conn, waiting_node));
}

struct exchange *h1_server_next(struct h1_server *server)
{
    struct exchange *exchange;

    while (server->ready == NULL) {
        free_closed(server);
        if (server->is_draining && list_is_empty(&server->conns))
            return NULL;
        step(server);
    }
    server->running = server->ready;
    server->ready = NULL;
    exchange = &server->driver.exchange.base;
    exchange->times.taken_us = clock_now_us();
    server->observer->on_begin(server->observer->context, exchange);
    return exchange;
}

void h1_server_finish(struct h1_server *server, struct exchange *exchange)
{
    struct h1_conn *conn = server->running;
    struct h1_summary summary;

    h1_exchange_finish(&server->driver.exchange);
    h1_exchange_summarize(&server->driver.exchange, &summary);
    server->observer->on_end(server->observer->context, exchange, &summary);
    server->running = NULL;
    /* The loop stood still meanwhile; time limits that begin now must not begin in the past. */
    server->loop.now_us = exchange->times.taken_us + summary.duration_us;
    h1_conn_finish_request(conn);
}

void h1_server_drain(struct h1_server *server)
{
    struct list_node *node, *next;

    if (server->is_draining)
        return;
    server->is_draining = true;
    if (!server->is_accept_paused)
        stop_accepting(server);
    for (node = server->conns.head.next; node != &server->conns.head; node = next) {
        struct h1_conn *conn = CONTAINER_OF(node, struct h1_conn, conns_node);

        next = node->next;
        if (conn != server->running && conn != server->ready && h1_conn_is_quiet(conn))
            h1_conn_close(conn);
    }
}

void h1_server_free(struct h1_server *server)
{
    struct list_node *node;

    while ((node = list_first(&server->conns)) != NULL)
        h1_conn_close(CONTAINER_OF(node, struct h1_conn, conns_node));
    free_closed(server);
    fini_driver(&server->driver);
    loop_fini(&server->loop);
    free(server->acceptors);
    free(server);
}
