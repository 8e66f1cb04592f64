/* SPDX-License-Identifier: MIT */
#include "h1_queue.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "clock.h"
#include "fd.h"
#include "h1_conn_priv.h"
#include "h1_handoff.h"
#include "h1_read.h"
#include "h1_refusal.h"
#include "h1_server_priv.h"
#include "log.h"

enum {
    HELD_TRY_US = 2000,
    MOST_TRIES = 64,
    HALF_CLOSE_MS = 50, /* after the last byte: it still wants its answer */
};

static struct h1_refusal refuse_waiting(const struct h1_server *server, enum h1_reason reason)
{
    int64_t timeout_us = server->settings->queue_timeout_us;

    return (struct h1_refusal){.reason = reason,
                               .retry_after_s = timeout_us > 1000000 ? (int)(timeout_us / 1000000) : 1};
}

static bool uses_queue(const struct h1_server *server)
{
    return server->handoff != NULL && !server->is_held && !h1_server_lacks(server, H1_WITHOUT_HANDOFF);
}

/* --- Watching --- */

/* Nothing to do for what waits there: h1_server_next looks at the queue before anything else. */
static void on_queue_readable(struct loop_source *source, uint32_t events)
{
    struct h1_server *server = CONTAINER_OF(source, struct h1_server, queue_source);

    (void)events;
    server->has_queue_event = true;
    h1_accept_look_again(server);
}

void h1_queue_watch(struct h1_server *server)
{
    if (!uses_queue(server) || server->is_queue_watched || !atomic_load(&server->may_take))
        return;
    server->is_queue_watched = loop_add(&server->loop, &server->queue_source, EPOLLIN | EPOLLEXCLUSIVE) == 0;
}

void h1_queue_unwatch(struct h1_server *server)
{
    bool was_told;

    if (!server->is_queue_watched)
        return;
    was_told = loop_remove(&server->loop, &server->queue_source) || server->has_queue_event;
    server->is_queue_watched = false;
    server->has_queue_event = false;
    if (was_told) /* and nobody else was */
        handoff_pass_on(server->handoff);
}

void h1_queue_leave(struct h1_server *server)
{
    atomic_store(&server->may_take, false);
    h1_queue_unwatch(server);
}

/* --- Into the queue --- */

bool h1_queue_is_full(const struct h1_server *server)
{
    int64_t limit = server->settings->queue_limit;

    return limit > 0 && server->handoff != NULL &&
           atomic_load_explicit(&server->handoff->board->waiting, memory_order_relaxed) + (int64_t)server->held_count >=
               limit;
}

/* The first of those that wait will have waited for too long then. */
static void expect_timeout(struct h1_server *server)
{
    if (!list_has_node(&server->queue_look.node))
        deadline_set(&server->loop, &server->queue_looks, &server->queue_look);
}

/* Looks again soon whether the queue has room for what is held, or this worker for what is in the queue. */
static void expect_room(struct h1_server *server)
{
    if (!list_has_node(&server->held_try.node))
        deadline_set(&server->loop, &server->held_tries, &server->held_try);
}

/* Keeps the request in its connection until the queue has room or an app thread of this worker is free. */
static void hold(struct h1_conn *conn, struct h1_parse *parse, struct h1_body *body)
{
    struct h1_server *server = conn->server;

    if (!h1_read_keep_whole(conn, parse, body)) {
        h1_conn_refuse(conn, parse, (struct h1_refusal){.reason = H1_REASON_NO_MEMORY});
        return;
    }
    h1_conn_enter_state(conn, &H1_WAITING);
    expect_timeout(server);
    if (uses_queue(server))
        expect_room(server);
}

void h1_queue_put(struct h1_conn *conn, struct h1_parse *parse, struct h1_body *body)
{
    struct h1_server *server = conn->server;
    char byte;

    if (h1_queue_is_full(server)) {
        h1_conn_refuse(conn, parse, refuse_waiting(server, H1_REASON_QUEUE_FULL));
        return;
    }
    conn->enqueued_us = clock_now_us();
    conn->was_half_closed = recv(conn->source.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    if (uses_queue(server) && list_is_empty(&server->held) && h1_handoff_give(conn, parse, body)) {
        expect_timeout(server);
        return;
    }
    if (conn->state != &H1_CLOSED)
        hold(conn, parse, body);
}

bool h1_queue_put_idle(struct h1_conn *conn)
{
    const struct h1_server *server = conn->server;

    return uses_queue(server) && handoff_row_end(server->handoff) > 1 && !h1_server_ends_for_all(server) &&
           h1_handoff_give_idle(conn);
}

/* An app thread drives that would take requests if there were room for them. */
static bool misses_queue(const struct h1_server *server)
{
    return uses_queue(server) && !server->is_queue_watched && atomic_load(&server->may_take) &&
           !h1_driver_is_sentry(server->driver);
}

static void try_held_again(struct deadline *deadline)
{
    struct h1_server *server = CONTAINER_OF(deadline, struct h1_server, held_try);
    struct list_node *node;

    for (int i = 0; i < MOST_TRIES && (node = list_first(&server->held)) != NULL; i++) {
        struct h1_conn *conn = CONTAINER_OF(node, struct h1_conn, waiting_node);

        if (!h1_handoff_give(conn, &conn->partial->parse, &conn->partial->body) && conn->state != &H1_CLOSED)
            break;
        expect_timeout(server);
    }
    if (!h1_driver_is_sentry(server->driver) && h1_accept_has_room_for_message(server))
        h1_queue_watch(server);
    if (!list_is_empty(&server->held) || misses_queue(server))
        expect_room(server);
}

/* --- Out of the queue --- */

static bool has_waited_too_long(const struct h1_server *server, int64_t enqueued_us, int64_t now_us)
{
    int64_t timeout_us = server->settings->queue_timeout_us;

    return timeout_us > 0 && now_us - enqueued_us >= timeout_us;
}

/* Answers for an app thread that is not free. The connection belongs to the caller, who need not drive. */
static void refuse_expired(struct h1_driver *driver, struct h1_conn *conn)
{
    const struct h1_refusal refusal = refuse_waiting(driver->server, H1_REASON_QUEUE_TIMEOUT);

    h1_refusal_answer(driver, &refusal, &conn->endpoints, driver->parse, conn->source.fd);
    conn->outcome = H1_OUTCOME_LINGER;
}

/* Milliseconds between the last byte of the client's and its last segment, which is the end of what it sends; -1 when
 * the socket does not say (a unix socket). */
static int64_t silence_before_end_ms(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return -1;
    return (int64_t)info.tcpi_last_data_recv - (int64_t)info.tcpi_last_ack_recv;
}

/* The client has given up. One that just sends no more behind its request (a half-close) ends its side at once, not
 * after having waited. */
static bool has_given_up(const struct h1_conn *conn)
{
    struct pollfd whole = {.fd = conn->source.fd};
    int64_t silence_ms;
    char byte;
    ssize_t got = recv(conn->source.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    if (got != 0)
        return got < 0 && errno != EAGAIN && errno != EINTR;
    if (conn->was_half_closed)
        return false;
    silence_ms = silence_before_end_ms(conn->source.fd);
    if (silence_ms >= 0)
        return silence_ms > HALF_CLOSE_MS;
    return poll(&whole, 1, 0) > 0 && (whole.revents & (POLLHUP | POLLERR)) != 0;
}

/* Says in the access log that it has been, and is over. */
static void drop(struct h1_server *server, struct h1_driver *driver, struct h1_conn *conn)
{
    struct h1_exchange *exchange = &driver->exchange;
    struct h1_summary summary;

    log_debug("%s:%s hung up while its request waited", conn->remote_address, conn->remote_port);
    exchange->is_gone = true;
    exchange->base.times.taken_us = clock_now_us();
    server->observer->on_begin(server->observer->context, driver->thread, &exchange->base);
    h1_exchange_summarize(exchange, &summary);
    server->observer->on_end(server->observer->context, driver->thread, &exchange->base, &summary);
    conn->outcome = H1_OUTCOME_CLOSE;
}

/* Puts a request that was taken where the driver can run it. Returns false when it is not to be run: then the
 * connection has gone back to the loop. */
static bool take_request(struct h1_server *server, struct h1_driver *driver, struct handoff_message *message)
{
    struct h1_conn *conn = h1_handoff_receive(server, driver, message);

    if (conn == NULL)
        return false;
    if (has_waited_too_long(server, message->header.enqueued_us, clock_now_us())) {
        refuse_expired(driver, conn);
    } else {
        h1_driver_start_exchange(driver, conn, driver->parse, &driver->body);
        if (!has_given_up(conn)) {
            driver->ready = conn;
            return true;
        }
        drop(server, driver, conn);
    }
    h1_body_fini(&driver->body);
    h1_conn_give_back(conn, driver);
    return false;
}

/* A message whose descriptors find no room stays in the queue (handoff_take). Only whoever drives can make room;
 * without any, the queue is left to others for a while. */
static bool has_room(struct h1_server *server, struct h1_driver *driver)
{
    if (!atomic_load(&server->may_take))
        return false;
    if (!driver->is_driving)
        return h1_accept_has_room_for_message(server);
    if (LIKELY(h1_accept_make_room_for_message(server)))
        return true;
    server->has_queue_event = server->is_queue_watched; /* perhaps: to be passed on */
    h1_queue_unwatch(server);
    expect_room(server);
    return false;
}

static bool take_message(struct h1_server *server, struct h1_driver *driver)
{
    struct handoff_message message;
    struct h1_conn *conn;

    while (has_room(server, driver) && handoff_take(server->handoff, driver->read_buffer, &message) == 1) {
        if (message.header.kind == HANDOFF_REQUEST) {
            atomic_fetch_add_explicit(&server->counts->taken, 1, memory_order_relaxed);
            if (take_request(server, driver, &message))
                return true;
        } else if ((conn = h1_handoff_receive(server, driver, &message)) != NULL) {
            conn->outcome = H1_OUTCOME_GO_ON;
            h1_conn_give_back(conn, driver);
        }
    }
    return false;
}

/* Of those that the connections of this worker hold; only whoever drives may look. */
static bool take_held(struct h1_server *server, struct h1_driver *driver)
{
    struct list_node *node;

    while (driver->is_driving && driver->ready == NULL && (node = list_first(&server->held)) != NULL) {
        struct h1_conn *conn = CONTAINER_OF(node, struct h1_conn, waiting_node);

        h1_read_run(conn, driver, &conn->partial->parse, &conn->partial->body);
        if (!has_given_up(conn))
            return true;
        driver->ready = NULL;
        drop(server, driver, conn);
        h1_conn_give_back(conn, driver);
    }
    return false;
}

bool h1_queue_may_have_requests(const struct h1_server *server, const struct h1_driver *driver)
{
    if (server->handoff != NULL && UNLIKELY(handoff_may_have_messages(server->handoff)))
        return true;
    return driver->is_driving && UNLIKELY(server->has_queue_event || server->held_count > 0);
}

bool h1_queue_take(struct h1_server *server, struct h1_driver *driver)
{
    if (uses_queue(server)) {
        if (driver->is_driving)
            server->has_queue_event = false;
        if (take_message(server, driver))
            return true;
    }
    return take_held(server, driver);
}

/* --- Waiting for too long --- */

/* Returns since when the oldest of the others has waited; INT64_MAX: there are none. */
static int64_t expire_held(struct h1_server *server, int64_t now_us)
{
    struct list_node *node;

    while ((node = list_first(&server->held)) != NULL) {
        struct h1_conn *conn = CONTAINER_OF(node, struct h1_conn, waiting_node);

        if (!has_waited_too_long(server, conn->enqueued_us, now_us))
            return conn->enqueued_us;
        h1_conn_refuse(conn, &conn->partial->parse, refuse_waiting(server, H1_REASON_QUEUE_TIMEOUT));
    }
    return INT64_MAX;
}

/* The head of the queue was found to have expired, but another may have been quicker: then the next one, which has been
 * taken instead, goes back to the end of the queue. Returns false when there is none. */
static bool expire_one(struct h1_server *server, int64_t now_us)
{
    struct h1_driver *driver = server->driver;
    struct handoff_message message;
    struct h1_conn *conn;

    if (!h1_accept_make_room_for_message(server) || handoff_take(server->handoff, driver->read_buffer, &message) != 1)
        return false;
    conn = h1_handoff_receive(server, driver, &message);
    if (conn == NULL)
        return true;
    if (message.header.kind == HANDOFF_IDLE) {
        conn->outcome = H1_OUTCOME_GO_ON;
        h1_conn_give_back(conn, driver);
    } else if (has_waited_too_long(server, message.header.enqueued_us, now_us)) {
        refuse_expired(driver, conn);
        h1_body_fini(&driver->body);
        h1_conn_give_back(conn, driver);
    } else {
        h1_conn_adopt(conn);
        if (!h1_handoff_give(conn, driver->parse, &driver->body) && conn->state != &H1_CLOSED)
            hold(conn, driver->parse, &driver->body);
    }
    return true;
}

/* Returns likewise. */
static int64_t expire_queued(struct h1_server *server, int64_t now_us)
{
    struct handoff_header header;

    while (uses_queue(server) && handoff_peek(server->handoff, &header) == 1) {
        if (!has_waited_too_long(server, header.enqueued_us, now_us))
            return header.enqueued_us;
        if (!expire_one(server, now_us))
            return now_us;
    }
    return INT64_MAX;
}

static void look_for_expired(struct deadline *deadline)
{
    struct h1_server *server = CONTAINER_OF(deadline, struct h1_server, queue_look);
    int64_t now_us = server->loop.now_us, queued_us = expire_queued(server, now_us);
    int64_t held_us = expire_held(server, now_us), oldest_us = queued_us < held_us ? queued_us : held_us;

    h1_refusal_tell_later(server);
    if (oldest_us == INT64_MAX)
        return;
    deadline_set(&server->loop, &server->queue_looks, deadline);
    deadline->expires_us = oldest_us + server->settings->queue_timeout_us;
}

void h1_queue_init(struct h1_server *server)
{
    list_init(&server->held);
    deadline_queue_init(&server->loop, &server->queue_looks, server->settings->queue_timeout_us, look_for_expired);
    deadline_queue_init(&server->loop, &server->held_tries, HELD_TRY_US, try_held_again);
    if (server->handoff != NULL)
        server->queue_source = (struct loop_source){.fd = server->handoff->take_fd, .on_events = on_queue_readable};
}
