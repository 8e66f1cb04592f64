/* SPDX-License-Identifier: MIT */
#include "h1_conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "h1_conn_priv.h"
#include "h1_log_limit.h"
#include "h1_leave.h"
#include "h1_linger.h"
#include "h1_queue.h"
#include "h1_read.h"
#include "h1_refusal.h"
#include "h1_send.h"
#include "h1_server_priv.h"
#include "h1_trust.h"
#include "log.h"

static const uint32_t WATCHED_EVENTS = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

static void drain_output(struct h1_conn *conn);
static void drain_while_running(struct h1_conn *conn);
static void close_after_deadline(struct h1_conn *conn);
static void close_idle(struct h1_conn *conn);
static void refuse_for_silence(struct h1_conn *conn);
static void end_slow_reader(struct h1_conn *conn);

/* Nothing has been read and nothing is waited for yet: the first read comes before the epoll set. */
const struct h1_state H1_ACCEPTED = {.name = "accepted", .on_readable = h1_read_request, .wait = WAIT_NONE};

const struct h1_state H1_IDLE = {
    .name = "idle",
    .on_readable = h1_read_request,
    .on_deadline = close_idle,
    .wait = WAIT_KEEP_ALIVE,
};

const struct h1_state H1_READING_HEAD = {
    .name = "reading-head",
    .on_readable = h1_read_request,
    .on_deadline = refuse_for_silence,
    .wait = WAIT_HEAD,
};

const struct h1_state H1_READING_BODY = {
    .name = "reading-body",
    .on_readable = h1_read_request,
    .on_deadline = refuse_for_silence,
    .wait = WAIT_BODY,
};

/* A whole request that no worker has room for; WAIT_QUEUE only puts it into the epoll set, its limit is kept in
 * h1_queue.c. */
const struct h1_state H1_WAITING = {.name = "waiting", .wait = WAIT_QUEUE};

/* Owned by the app thread: events are only noted, except that the client takes more of a response that is queued. */
const struct h1_state H1_RUNNING_APP = {.name = "running-app", .on_writable = drain_while_running, .wait = WAIT_NONE};

const struct h1_state H1_WRITING = {
    .name = "writing",
    .on_writable = drain_output,
    .on_deadline = end_slow_reader,
    .wait = WAIT_SEND,
};

/* Refused: what the client still sends is thrown away for a while, so that it can read the answer before the socket is
 * reset (RFC 9112 9.6). */
const struct h1_state H1_LINGERING = {
    .name = "lingering",
    .on_readable = h1_linger_discard,
    .on_deadline = close_after_deadline,
    .wait = WAIT_LINGER,
};

const struct h1_state H1_CLOSED = {.name = "closed", .wait = WAIT_NONE};

void h1_conn_enter_state(struct h1_conn *conn, const struct h1_state *state)
{
    struct h1_server *server = conn->server;
    const struct h1_state *old = conn->state;

    assert(old != &H1_CLOSED);
    conn->state = state;
    h1_counts_move(server->counts, old->wait, state->wait);
    list_remove(&conn->waiting_node);
    if (state->wait == WAIT_NONE)
        deadline_clear(&conn->deadline);
    else if (state != old || state != &H1_READING_HEAD) /* a head has one deadline from its first byte on */
        deadline_set(&server->loop, &server->waits[state->wait], &conn->deadline);
    if (state == &H1_IDLE)
        list_append(&server->idle, &conn->waiting_node);
    else if (state == &H1_WAITING)
        list_append(&server->held, &conn->waiting_node);
    server->held_count += (size_t)(state == &H1_WAITING) - (size_t)(old == &H1_WAITING);
    if (state->wait != WAIT_NONE && !conn->is_watched) {
        /* Edge triggered, once for the connection's life: no call to the kernel per request. */
        if (loop_add(&server->loop, &conn->source, WATCHED_EVENTS) < 0) {
            H1_LOG_EVENT(LOG_LEVEL_ERROR, "a connection could not be watched: %s", strerror(errno));
            h1_conn_close(conn);
            return;
        }
        conn->is_watched = true;
    }
}

void h1_conn_make_pending(struct h1_conn *conn)
{
    list_remove(&conn->waiting_node);
    list_append(&conn->server->pending, &conn->waiting_node);
}

static void on_events(struct loop_source *source, uint32_t events)
{
    struct h1_conn *conn = CONTAINER_OF(source, struct h1_conn, source);
    const struct h1_state *state = conn->state;

    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        conn->has_hung_up = true;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        if (state->on_readable != NULL)
            state->on_readable(conn);
        else
            conn->has_missed_events = true;
    }
    /* Every event tells of room as well: nothing to the state that a read has led to, which has nothing to send yet. */
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) && state->on_writable != NULL && conn->state == state)
        state->on_writable(conn);
}

/* The app thread has queued something, for whoever drives to send: a connection in its first request is in no epoll set
 * yet. Until the request is served, is_watched is the app thread's. */
static void watch_while_running(struct h1_output *output, bool is_writable)
{
    struct h1_conn *conn = CONTAINER_OF(output, struct h1_conn, output);

    if (!conn->is_watched)
        conn->is_watched = loop_add(&conn->server->loop, &conn->source, WATCHED_EVENTS) == 0;
    else if (is_writable)
        loop_tell_again(&conn->server->loop, &conn->source, WATCHED_EVENTS);
}

struct h1_conn *h1_conn_new(struct h1_server *server, int fd, const struct sockaddr_storage *peer,
                            const struct listener *listener)
{
    struct h1_conn *conn = calloc(1, sizeof(*conn));

    if (conn == NULL) {
        H1_LOG_EVENT(LOG_LEVEL_ERROR, "a connection was closed: out of memory");
        close(fd);
        return NULL;
    }
    conn->source = (struct loop_source){.fd = fd, .on_events = on_events};
    conn->server = server;
    conn->state = &H1_ACCEPTED;
    h1_output_init(&conn->output);
    conn->listener = listener;
    h1_trust_begin(conn, peer);
    conn->output.on_behind = watch_while_running;
    atomic_fetch_add_explicit(&server->conn_count, 1, memory_order_relaxed);
    return conn;
}

void h1_conn_adopt(struct h1_conn *conn)
{
    if (!list_has_node(&conn->conns_node))
        list_append(&conn->server->conns, &conn->conns_node);
}

void h1_conn_drop_partial(struct h1_conn *conn)
{
    h1_trust_drop_header(conn);
    if (conn->partial == NULL)
        return;
    buf_fini(&conn->partial->head);
    h1_body_fini(&conn->partial->body);
    free(conn->partial);
    conn->partial = NULL;
}

void h1_conn_close(struct h1_conn *conn)
{
    struct h1_server *server = conn->server;

    if (conn->state == &H1_CLOSED)
        return;
    /* Out of the set explicitly: a process that the application has forked may hold a copy of the descriptor. */
    if (conn->is_watched)
        loop_remove(&server->loop, &conn->source);
    deadline_clear(&conn->deadline);
    list_remove(&conn->waiting_node);
    server->held_count -= (size_t)(conn->state == &H1_WAITING);
    h1_counts_move(server->counts, conn->state->wait, WAIT_NONE);
    conn->state = &H1_CLOSED;
    fd_close(&conn->source.fd);
    atomic_fetch_sub_explicit(&server->conn_count, 1, memory_order_release);
    list_remove(&conn->conns_node);
    list_append(&server->closed, &conn->conns_node);
}

void h1_conn_free(struct h1_conn *conn)
{
    list_remove(&conn->conns_node);
    h1_conn_drop_partial(conn);
    buf_fini(&conn->leftover);
    h1_output_fini(&conn->output);
    free(conn);
}

/* Where the process was busy for long, a limit may be over before bytes that came in time have been read: the event
 * that tells of them is yet to be handled. */
static bool has_unread_bytes(const struct h1_conn *conn)
{
    char byte;

    return conn->leftover.len > 0 || recv(conn->source.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Whether something has come of a request, or of what must come before it. */
static bool has_begun(const struct h1_conn *conn)
{
    return conn->partial != NULL || conn->proxy != NULL;
}

bool h1_conn_is_quiet(const struct h1_conn *conn)
{
    bool is_waiting = conn->state == &H1_IDLE || (conn->state == &H1_READING_HEAD && !has_begun(conn));

    if (conn->state == &H1_LINGERING)
        return true;
    return is_waiting && !has_unread_bytes(conn);
}

/* Reads them without waiting for an event, which bytes behind an urgent one (RFC 9293 3.8.5) may not have. */
static void read_instead(struct h1_conn *conn)
{
    h1_conn_make_pending(conn);
    deadline_set(&conn->server->loop, &conn->server->waits[conn->state->wait], &conn->deadline);
}

static void close_after_deadline(struct h1_conn *conn)
{
    h1_conn_close(conn);
}

static void close_idle(struct h1_conn *conn)
{
    if (has_unread_bytes(conn))
        read_instead(conn);
    else
        h1_conn_close(conn);
}

/* A cut response must not look like a whole one: where only the close ends it, the close is a reset. */
static void abort_connection(struct h1_conn *conn)
{
    h1_send_end_by_reset(conn->source.fd, true);
    h1_conn_close(conn);
}

static void end_too_slow_reader(struct h1_conn *conn)
{
    H1_LOG_EVENT(LOG_LEVEL_INFO, "%s:%s takes its response slower than send-min-rate: connection closed",
                 conn->remote_address, conn->remote_port);
    abort_connection(conn);
}

static void end_slow_reader(struct h1_conn *conn)
{
    drain_output(conn); /* it may have taken something that nobody has noticed yet */
    if (conn->state != &H1_WRITING || list_has_node(&conn->deadline.node))
        return;
    H1_LOG_EVENT(LOG_LEVEL_INFO, "%s:%s took nothing of its response for send-timeout: connection closed",
                 conn->remote_address, conn->remote_port);
    abort_connection(conn);
}

/* Answered by a thread that did not drive, perhaps without a line in the log. */
static void end_refusal(struct h1_conn *conn)
{
    h1_refusal_tell_later(conn->server);
    h1_linger_begin(conn);
}

static void refuse_for_silence(struct h1_conn *conn)
{
    if (!has_begun(conn)) {
        close_idle(conn);
        return;
    }
    if (has_unread_bytes(conn)) {
        read_instead(conn);
        return;
    }
    h1_conn_refuse(conn, conn->partial != NULL ? &conn->partial->parse : NULL,
                   (struct h1_refusal){.reason = conn->state == &H1_READING_HEAD ? H1_REASON_HEAD_TIMEOUT
                                                                                 : H1_REASON_BODY_TIMEOUT});
}

void h1_conn_proceed(struct h1_conn *conn)
{
    list_remove(&conn->waiting_node);
    if (!h1_read_is_due(conn)) { /* it has more to send */
        conn->state->on_writable(conn);
        return;
    }
    if (conn->leftover.len > 0) {
        h1_read_leftover(conn);
        /* It may have been the beginning of a request whose rest was told of while another ran: no event will tell
         * again. */
        if (h1_read_is_due(conn) && conn->has_missed_events)
            h1_conn_make_pending(conn);
        return;
    }
    conn->has_missed_events = false;
    h1_read_request(conn);
    if (conn->state == &H1_ACCEPTED)
        h1_conn_enter_state(conn, &H1_READING_HEAD);
    else if (conn->state == &H1_IDLE && !list_has_node(&conn->waiting_node))
        list_append(&conn->server->idle, &conn->waiting_node);
}

/* The response is out and no other will follow. */
static void end_connection(struct h1_conn *conn)
{
    /* Closing with bytes unread resets the connection and may take the response along. */
    if (has_unread_bytes(conn)) {
        h1_linger_begin(conn);
        return;
    }
    /* The client waits for the end, which close() alone would not give it as long as a process that the application has
     * forked holds a copy of the descriptor. */
    if (conn->is_ended_by_close) {
        h1_send_end_by_reset(conn->source.fd, false);
        shutdown(conn->source.fd, SHUT_WR);
    }
    h1_conn_close(conn);
}

/* This worker ends: a sibling goes on with the connection, unless the client has begun another request here. */
static void part_with(struct h1_conn *conn)
{
    if (has_unread_bytes(conn)) {
        h1_conn_enter_state(conn, &H1_IDLE);
        if (conn->state == &H1_IDLE)
            h1_conn_make_pending(conn);
    } else if (!h1_queue_put_idle(conn) && conn->state != &H1_CLOSED && !h1_leave_keep(conn)) {
        end_connection(conn);
    }
}

/* The response is out: the next request, or the end. */
static void end_response(struct h1_conn *conn)
{
    if (conn->outcome != H1_OUTCOME_GO_ON) {
        end_connection(conn);
        return;
    }
    if (atomic_load_explicit(&conn->server->is_draining, memory_order_relaxed)) {
        part_with(conn);
        return;
    }
    /* Without keep-alive only those go on that a worker has given away before their first request. */
    h1_conn_enter_state(conn, conn->server->settings->keep_alive_us > 0 ? &H1_IDLE : &H1_READING_HEAD);
    if (conn->state != &H1_CLOSED && (conn->leftover.len > 0 || conn->has_missed_events))
        h1_conn_make_pending(conn);
}

/* For the rest of the response. */
static void await_writable(struct h1_conn *conn)
{
    h1_conn_enter_state(conn, &H1_WRITING);
    if (conn->state == &H1_WRITING && conn->output.is_cut_short)
        h1_conn_make_pending(conn);
}

static void drain_output(struct h1_conn *conn)
{
    enum io_result result = h1_output_drain(&conn->output, conn->source.fd);
    bool has_progress = conn->output.has_progress;

    conn->output.has_progress = false;
    if (result == IO_FAILED)
        abort_connection(conn);
    else if (result == IO_DONE)
        end_response(conn);
    else if (result == IO_AGAIN &&
             h1_output_is_too_slow(&conn->output, conn->server->settings, conn->server->loop.now_us))
        end_too_slow_reader(conn);
    else if (has_progress)
        await_writable(conn);
}

/* The app thread may be adding to it at the same time; it sees for itself when the client has gone. */
static void drain_while_running(struct h1_conn *conn)
{
    if (h1_output_drain(&conn->output, conn->source.fd) == IO_MORE)
        h1_conn_make_pending(conn);
}

void h1_conn_end_request(struct h1_conn *conn, struct h1_driver *driver)
{
    const struct h1_exchange *exchange = &driver->exchange;

    h1_conn_drop_partial(conn);
    h1_body_fini(&driver->body);
    conn->is_ended_by_close = exchange->framing == H1_FRAMING_CLOSE;
    if (exchange->outcome == H1_FATE_ANSWERED || (exchange->outcome == H1_FATE_CUT && !conn->is_ended_by_close))
        conn->outcome = H1_OUTCOME_LINGER;
    else if (exchange->is_gone || (exchange->is_aborted && exchange->framing == H1_FRAMING_CLOSE))
        conn->outcome = H1_OUTCOME_ABORT;
    else
        conn->outcome = exchange->is_keep_alive ? H1_OUTCOME_GO_ON : H1_OUTCOME_CLOSE;
}

static void go_on_writing(struct h1_conn *conn)
{
    await_writable(conn);
    /* That the client is gone may have been told while the request ran, and is not told again. */
    if (conn->state == &H1_WRITING && conn->has_hung_up)
        drain_output(conn);
}

/* Whoever drives. */
static void take_back(struct h1_conn *conn)
{
    h1_conn_adopt(conn);
    if (conn->outcome == H1_OUTCOME_ABORT)
        abort_connection(conn);
    else if (conn->outcome == H1_OUTCOME_LINGER)
        end_refusal(conn);
    else if (!h1_output_is_empty(&conn->output))
        go_on_writing(conn);
    else
        end_response(conn);
}

void h1_conn_give_back(struct h1_conn *conn, struct h1_driver *driver)
{
    struct h1_server *server = conn->server;

    if (driver->is_driving) {
        take_back(conn);
        return;
    }
    conn->returned_next = atomic_load_explicit(&server->returned, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&server->returned, &conn->returned_next, conn))
        ;
    loop_interrupt(&server->loop);
}

void h1_conn_take_returned(struct h1_server *server)
{
    struct h1_conn *conn = atomic_exchange(&server->returned, NULL);

    while (conn != NULL) {
        struct h1_conn *next = conn->returned_next;

        take_back(conn);
        conn = next;
    }
}
