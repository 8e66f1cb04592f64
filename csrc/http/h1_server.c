/* SPDX-License-Identifier: MIT */
#include "h1_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "h1_conn_priv.h"
#include "h1_leave.h"
#include "h1_queue.h"
#include "h1_refusal.h"
#include "h1_sentry.h"
#include "h1_server_priv.h"
#include "h1_timeout.h"
#include "log.h"

enum {
    LINGER_US = 2000000,
    QUEUE_TURNS = 4, /* of which all but one are the queue's */
};

/* --- Set-up --- */

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
}

static bool can_serve(void *context)
{
    return h1_server_can_serve(context);
}

static void on_tick(void *context)
{
    h1_balance_tick(context);
}

static void on_calm(void *context)
{
    h1_balance_rest(context);
}

static int init_drive(struct h1_server *server)
{
    int failed = drive_init(&server->drive, &server->loop);

    server->drive.has_sentry = !h1_server_lacks(server, H1_WITHOUT_SENTRY);
    server->drive.can_serve = server->observer->can_serve != NULL ? can_serve : NULL;
    server->drive.on_tick = on_tick;
    server->drive.on_calm = on_calm;
    server->drive.context = server;
    return failed;
}

static void init_lists(struct h1_server *server)
{
    list_init(&server->conns);
    list_init(&server->closed);
    list_init(&server->idle);
    list_init(&server->pending);
    init_waits(server);
    h1_queue_init(server);
    h1_refusal_init(server);
    h1_leave_init(server);
    h1_timeout_init(server);
}

static void take_place(struct h1_server *server, const struct h1_place *place)
{
    server->handoff = place->handoff;
    server->row_number = place->row;
    server->listeners = place->listeners;
    server->listener_count = place->listener_count;
    server->counts = place->counts != NULL ? place->counts : &server->own_counts;
    server->is_held = place->is_held;
    server->may_take = !place->is_held;
    if (place->handoff == NULL)
        return;
    server->row = &place->handoff->board->rows[place->row];
    handoff_clear_row(place->handoff, place->row);
    atomic_store(&server->row->is_serving, !place->is_held);
}

struct h1_server *h1_server_new(const struct h1_settings *settings, const struct h1_place *place,
                                const struct h1_observer *observer)
{
    struct h1_server *server = calloc(1, sizeof(*server));

    int failed = server != NULL ? loop_init(&server->loop) : -ENOMEM;
    bool has_drive, has_sentry;

    if (failed < 0) {
        log_error("the server could not be set up: %s", strerror(-failed));
        free(server);
        return NULL;
    }
    server->settings = settings;
    server->observer = observer;
    take_place(server, place);
    init_lists(server);
    /* All of them, so that there is something to free in each whatever fails. */
    has_drive = init_drive(server) == 0;
    has_sentry = h1_driver_init(&server->sentry, server, SENTRY_THREAD) == 0;
    if (!has_drive || !has_sentry || h1_accept_start(server, place) < 0) {
        log_error("the server could not be set up: out of memory or descriptors");
        h1_server_free(server);
        return NULL;
    }
    h1_queue_watch(server);
    return server;
}

/* --- Other descriptors --- */

static void on_watch_readable(struct loop_source *source, uint32_t events)
{
    struct h1_watch *watch = CONTAINER_OF(source, struct h1_watch, source);

    (void)events;
    if (watch->driver == NULL) {
        watch->on_readable(watch->context, source->fd);
        return;
    }
    atomic_store(&watch->driver->is_called, true);
    if (watch->server->driver != watch->driver)
        drive_call(&watch->server->drive, &watch->driver->seat);
}

static int add_watch(struct h1_server *server, const struct h1_watch *wanted, uint32_t events)
{
    struct h1_watch *watch = server->watches, *end = watch + server->watch_count;

    while (watch < end && watch->source.fd >= 0)
        watch++;
    if (watch == server->watches + MOST_WATCHES)
        return -ENOSPC;
    *watch = *wanted;
    watch->server = server;
    watch->source.on_events = on_watch_readable;
    server->watch_count += watch == end;
    return loop_add(&server->loop, &watch->source, events);
}

int h1_server_watch(struct h1_server *server, int fd, void (*on_readable)(void *context, int fd), void *context)
{
    return add_watch(server, &(struct h1_watch){.source.fd = fd, .on_readable = on_readable, .context = context},
                     EPOLLIN);
}

int h1_server_watch_from(struct h1_server *server, struct h1_driver *driver, int fd,
                         void (*on_readable)(void *context, int fd), void *context)
{
    return add_watch(
        server, &(struct h1_watch){.source.fd = fd, .driver = driver, .on_readable = on_readable, .context = context},
        EPOLLIN | EPOLLET);
}

void h1_server_unwatch(struct h1_server *server, int fd)
{
    for (size_t i = 0; i < server->watch_count; i++) {
        struct h1_watch *watch = &server->watches[i];

        if (watch->source.fd != fd)
            continue;
        loop_remove(&server->loop, &watch->source);
        *watch = (struct h1_watch){.source.fd = -1}; /* its place is free */
    }
}

int h1_server_adopt(struct h1_server *server, int fd)
{
    const struct sockaddr_storage nobody = {.ss_family = AF_UNIX};
    struct h1_conn *conn;
    int own_fd;

    if (atomic_load(&server->is_draining))
        return -ESHUTDOWN;
    own_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own_fd < 0)
        return -errno;
    conn = h1_conn_new(server, own_fd, &nobody, server->listeners);
    if (conn == NULL)
        return -ENOMEM;
    close(fd);
    conn->awaits_proxy_header = false;
    h1_conn_adopt(conn);
    h1_conn_make_pending(conn);
    return 0;
}

static void run_own_watches(struct h1_server *server, struct h1_driver *driver)
{
    for (size_t i = 0; i < server->watch_count; i++) {
        const struct h1_watch *watch = &server->watches[i];

        if (watch->driver == driver)
            watch->on_readable(watch->context, watch->source.fd);
    }
}

/* --- Driving --- */

static void free_closed(struct h1_server *server)
{
    struct list_node *node;

    while (UNLIKELY((node = list_first(&server->closed)) != NULL))
        h1_conn_free(CONTAINER_OF(node, struct h1_conn, conns_node));
}

/* One step: an event; else a connection that needs none. A look for new events comes between any two of those: a client
 * that never stops pipelining must not keep the others, or the order to drain, waiting. */
void h1_server_step(struct h1_server *server, bool may_wait)
{
    struct list_node *pending;

    free_closed(server);
    if (UNLIKELY(atomic_load_explicit(&server->wants_timeout, memory_order_relaxed)))
        h1_timeout_arm(server);
    if (UNLIKELY(atomic_load_explicit(&server->returned, memory_order_relaxed) != NULL)) {
        h1_conn_take_returned(server); /* the last one may end a drain: to be looked at before a wait */
        return;
    }
    if (loop_dispatch(&server->loop))
        return;
    /* What was closed is freed before the wait, which may be long. */
    loop_wait(&server->loop, may_wait && list_is_empty(&server->pending) && list_is_empty(&server->closed));
    h1_balance_see_batch(server);
    pending = list_first(&server->pending);
    if (pending != NULL)
        h1_conn_proceed(CONTAINER_OF(pending, struct h1_conn, waiting_node));
}

/* Shows the siblings from the next wait on whether an app thread that drives here waits for requests. */
static void show_waiting(struct h1_server *server)
{
    bool may_take = server->row != NULL && atomic_load_explicit(&server->may_take, memory_order_relaxed);

    server->loop.waiting_flag = may_take ? &server->row->is_waiting : NULL;
}

/* The caller has the drive. */
static void begin_driving(struct h1_server *server, struct h1_driver *driver)
{
    driver->is_driving = true;
    server->driver = driver;
    if (UNLIKELY(!server->is_queue_watched))
        h1_queue_watch(server);
    h1_accept_look_again(server);
    server->loop.longest_wait_us = 0;
    show_waiting(server);
}

static void stop_driving(struct h1_server *server, struct h1_driver *driver)
{
    driver->is_driving = false;
    drive_leave(&server->drive);
}

/* Everything has been answered. When the whole server stops, also what waits in the queue of all workers. */
static bool is_drained(struct h1_server *server, struct h1_driver *driver)
{
    if (!atomic_load_explicit(&server->is_draining, memory_order_relaxed) ||
        atomic_load_explicit(&server->conn_count, memory_order_acquire) > 0)
        return false;
    return !h1_queue_take(server, driver) && atomic_load(&server->conn_count) == 0;
}

/* The oldest requests wait in the queue; but as long as it is never empty, and its requests are too short for the
 * sentry to step in, somebody has to look after this worker's own clients, its deadlines and the order to end. */
static bool is_turn_of_queue(struct h1_server *server)
{
    server->queue_turn = (server->queue_turn + 1) % QUEUE_TURNS;
    return server->queue_turn != 0;
}

/* The calling thread drives and is free: looks for a request once. */
static void look_for_request(struct h1_server *server, struct h1_driver *driver)
{
    bool may_wait = true;

    if (UNLIKELY(!h1_server_can_serve(server)) && server->drive.has_sentry) {
        driver->is_driving = false;
        drive_leave_to_sentry(&server->drive);
        return;
    }
    if (UNLIKELY(is_drained(server, driver))) {
        drive_stop(&server->drive);
        return;
    }
    if (driver->ready == NULL && h1_queue_may_have_requests(server, driver)) {
        may_wait = is_turn_of_queue(server);
        if (may_wait && h1_queue_take(server, driver))
            return;
    }
    if (driver->ready == NULL)
        h1_server_step(server, may_wait);
}

/* The calling thread has come back while another drives. Requests that wait go first: taking one directly leaves the
 * drive where it is. */
static void await_request(struct h1_server *server, struct h1_driver *driver)
{
    if (h1_server_can_serve(server) && h1_queue_may_have_requests(server, driver) && h1_queue_take(server, driver))
        return;
    if (drive_await(&server->drive, &driver->seat))
        begin_driving(server, driver);
}

struct exchange *h1_server_next(struct h1_server *server, struct h1_driver *driver)
{
    struct exchange *exchange = &driver->exchange.base;

    while (driver->ready == NULL) {
        if (UNLIKELY(atomic_load_explicit(&driver->is_called, memory_order_relaxed)) &&
            atomic_exchange(&driver->is_called, false)) {
            if (driver->is_driving)
                stop_driving(server, driver);
            run_own_watches(server, driver);
        }
        if (UNLIKELY(drive_is_stopped(&server->drive)))
            break;
        if (driver->is_driving)
            look_for_request(server, driver);
        else
            await_request(server, driver);
    }
    driver->running = driver->ready;
    if (driver->ready != NULL) {
        exchange->times.taken_us = clock_now_us();
        if (server->settings->request_timeout_us > 0)
            h1_timeout_expect(server, driver);
    }
    if (driver->is_driving)
        stop_driving(server, driver);
    if (driver->ready == NULL)
        return NULL;
    driver->ready = NULL;
    exchange_enter(exchange, EXCHANGE_TAKEN);
    server->observer->on_begin(server->observer->context, driver->thread, exchange);
    return exchange;
}

void h1_server_finish(struct h1_server *server, struct h1_driver *driver)
{
    struct h1_conn *conn = driver->running;
    const struct exchange *exchange = &driver->exchange.base;
    struct h1_summary summary;

    exchange_enter(exchange, EXCHANGE_WRITE);
    h1_exchange_finish(&driver->exchange);
    h1_exchange_summarize(&driver->exchange, &summary);
    server->observer->on_end(server->observer->context, driver->thread, exchange, &summary);
    exchange_enter(exchange, EXCHANGE_IDLE);
    driver->running = NULL;
    h1_conn_end_request(conn, driver);
    if (LIKELY(drive_try(&server->drive))) {
        begin_driving(server, driver);
        /* The loop stood still meanwhile; time limits that begin now must not begin in the past. */
        server->loop.now_us = exchange->times.taken_us + summary.duration_us;
    }
    h1_conn_give_back(conn, driver);
}

/* --- Beginning and end --- */

void h1_server_let_go(struct h1_server *server)
{
    if (!server->is_held || atomic_load(&server->is_draining))
        return;
    server->is_held = false;
    atomic_store(&server->may_take, true);
    if (server->row != NULL)
        atomic_store(&server->row->is_serving, 1);
    h1_accept_begin(server);
    if (server->driver == &server->sentry)
        return;
    h1_queue_watch(server);
    show_waiting(server);
}

void h1_server_abandon(struct h1_server *server)
{
    if (!atomic_load(&server->is_draining))
        server->is_abandoned = true;
}

bool h1_server_ends_for_all(const struct h1_server *server)
{
    return server->handoff == NULL || server->is_abandoned || atomic_load(&server->handoff->board->is_stopping) != 0;
}

void h1_server_drain(struct h1_server *server)
{
    if (atomic_load(&server->is_draining))
        return;
    atomic_store(&server->is_draining, true);
    h1_accept_end(server);
    if (!h1_server_ends_for_all(server))
        h1_queue_leave(server);
    server->loop.waiting_flag = NULL;
    if (server->row != NULL)
        atomic_store(&server->row->is_serving, 0);
    h1_leave_begin(server);
}

size_t h1_server_connection_count(const struct h1_server *server)
{
    return atomic_load(&server->conn_count);
}

void h1_server_free(struct h1_server *server)
{
    struct list_node *node;

    h1_sentry_stop(server);
    server->driver = &server->sentry; /* those of the app threads are gone */
    h1_conn_take_returned(server);
    while ((node = list_first(&server->conns)) != NULL)
        h1_conn_close(CONTAINER_OF(node, struct h1_conn, conns_node));
    free_closed(server);
    h1_refusal_fini(server);
    h1_driver_fini(&server->sentry);
    drive_fini(&server->drive);
    loop_fini(&server->loop);
    h1_accept_free(server);
    free(server);
}
