/* SPDX-License-Identifier: MIT */
#include "h1_conn.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "h1_refusal.h"
#include "h1_server_priv.h"
#include "log.h"
#include "text.h"

enum { MOST_READS_IN_A_ROW = 16, DISCARD_LIMIT_READS = 64 };

static void read_request(struct h1_conn *conn);
static void drain_output(struct h1_conn *conn);
static void discard_input(struct h1_conn *conn);
static void close_after_deadline(struct h1_conn *conn);
static void refuse_for_silence(struct h1_conn *conn);
static void end_slow_reader(struct h1_conn *conn);

/* Nothing has been read and nothing is waited for yet: the first read comes before the epoll set. */
static const struct h1_state ACCEPTED = {.name = "accepted", .on_readable = read_request, .wait = WAIT_NONE};

static const struct h1_state IDLE = {
    .name = "idle",
    .on_readable = read_request,
    .on_deadline = close_after_deadline,
    .wait = WAIT_KEEP_ALIVE,
};

static const struct h1_state READING_HEAD = {
    .name = "reading-head",
    .on_readable = read_request,
    .on_deadline = refuse_for_silence,
    .wait = WAIT_HEAD,
};

static const struct h1_state READING_BODY = {
    .name = "reading-body",
    .on_readable = read_request,
    .on_deadline = refuse_for_silence,
    .wait = WAIT_BODY,
};

/* Owned by the app thread: events are only noted. */
static const struct h1_state RUNNING_APP = {.name = "running-app", .wait = WAIT_NONE};

static const struct h1_state WRITING = {
    .name = "writing",
    .on_writable = drain_output,
    .on_deadline = end_slow_reader,
    .wait = WAIT_SEND,
};

/* Refused: what the client still sends is thrown away for a while, so that it can read the answer before the socket is
 * reset (RFC 9112 9.6). */
static const struct h1_state LINGERING = {
    .name = "lingering",
    .on_readable = discard_input,
    .on_deadline = close_after_deadline,
    .wait = WAIT_LINGER,
};

static const struct h1_state CLOSED = {.name = "closed", .wait = WAIT_NONE};

/* The only writer of conn->state: deadlines, the lists of the server and the epoll set follow from it. */
static void enter_state(struct h1_conn *conn, const struct h1_state *state)
{
    struct h1_server *server = conn->server;
    const struct h1_state *old = conn->state;

    assert(old != &CLOSED);
    conn->state = state;
    list_remove(&conn->waiting_node);
    if (state->wait == WAIT_NONE)
        deadline_clear(&conn->deadline);
    else if (state != old || state != &READING_HEAD) /* a head has one deadline from its first byte on */
        deadline_set(&server->loop, &server->waits[state->wait], &conn->deadline);
    if (state == &IDLE)
        list_append(&server->idle, &conn->waiting_node);
    if (state->wait != WAIT_NONE && !conn->is_watched) {
        /* Edge triggered, once for the connection's life: no call to the kernel per request. */
        if (loop_add(&server->loop, &conn->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0) {
            log_error("a connection could not be watched: %s", strerror(errno));
            h1_conn_close(conn);
            return;
        }
        conn->is_watched = true;
    }
}

/* Has the server look at the connection again without waiting for an event. */
static void make_pending(struct h1_conn *conn)
{
    list_remove(&conn->waiting_node);
    list_append(&conn->server->pending, &conn->waiting_node);
}

static void on_events(struct loop_source *source, uint32_t events)
{
    struct h1_conn *conn = CONTAINER_OF(source, struct h1_conn, source);

    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        conn->has_hung_up = true;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        if (conn->state->on_readable != NULL)
            conn->state->on_readable(conn);
        else
            conn->has_missed_events = true;
    }
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) && conn->state->on_writable != NULL)
        conn->state->on_writable(conn);
}

static void name_peer(struct h1_conn *conn, const struct sockaddr_storage *address)
{
    unsigned port = 0;

    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;

        inet_ntop(AF_INET, &in->sin_addr, conn->remote_address, sizeof(conn->remote_address));
        port = ntohs(in->sin_port);
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;

        inet_ntop(AF_INET6, &in6->sin6_addr, conn->remote_address, sizeof(conn->remote_address));
        port = ntohs(in6->sin6_port);
    } else {
        return; /* a unix socket: its client has no name */
    }
    conn->remote_port[text_format_u64(conn->remote_port, port)] = '\0';
}

struct h1_conn *h1_conn_new(struct h1_server *server, int fd, const struct sockaddr_storage *peer,
                            const struct listener *listener)
{
    struct h1_conn *conn = calloc(1, sizeof(*conn));

    if (conn == NULL) {
        close(fd);
        return NULL;
    }
    conn->source = (struct loop_source){.fd = fd, .on_events = on_events};
    conn->server = server;
    conn->state = &ACCEPTED;
    h1_output_init(&conn->output);
    name_peer(conn, peer);
    conn->endpoints = (struct endpoints){
        .remote_address = conn->remote_address,
        .remote_port = conn->remote_port,
        .server_name = listener->server_name,
        .server_port = listener->server_port,
        .scheme = "http",
    };
    list_append(&server->conns, &conn->conns_node);
    return conn;
}

static void drop_partial(struct h1_conn *conn)
{
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

    if (conn->state == &CLOSED)
        return;
    /* Out of the set explicitly: a process that the application has forked may hold a copy of the descriptor. */
    if (conn->is_watched)
        loop_remove(&server->loop, &conn->source);
    deadline_clear(&conn->deadline);
    list_remove(&conn->waiting_node);
    conn->state = &CLOSED;
    fd_close(&conn->source.fd);
    list_remove(&conn->conns_node);
    list_append(&server->closed, &conn->conns_node);
}

void h1_conn_free(struct h1_conn *conn)
{
    list_remove(&conn->conns_node);
    drop_partial(conn);
    buf_fini(&conn->leftover);
    h1_output_fini(&conn->output);
    free(conn);
}

bool h1_conn_is_quiet(const struct h1_conn *conn)
{
    bool is_waiting = conn->state == &IDLE || (conn->state == &READING_HEAD && conn->partial == NULL);
    char byte;

    if (conn->state == &LINGERING)
        return true;
    return is_waiting && conn->leftover.len == 0 && recv(conn->source.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

static void close_after_deadline(struct h1_conn *conn)
{
    h1_conn_close(conn);
}

static void end_slow_reader(struct h1_conn *conn)
{
    log_info("%s:%s took nothing of its response for send-timeout: connection closed", conn->remote_address,
             conn->remote_port);
    h1_conn_close(conn);
}

/* Answers with a status and a line of text, then closes with care. `parse` may be NULL. */
static void refuse(struct h1_conn *conn, const struct h1_parse *parse, struct h1_refusal refusal)
{
    h1_refusal_log(&refusal, &conn->endpoints, parse);
    h1_refusal_send(&refusal, conn->source.fd);
    drop_partial(conn);
    buf_fini(&conn->leftover);
    shutdown(conn->source.fd, SHUT_WR);
    enter_state(conn, &LINGERING);
    if (conn->state == &LINGERING)
        discard_input(conn);
}

static void refuse_for_silence(struct h1_conn *conn)
{
    if (conn->partial == NULL) {
        h1_conn_close(conn);
        return;
    }
    refuse(conn, &conn->partial->parse,
           (struct h1_refusal){.status = 408,
                               .reason = conn->state == &READING_HEAD ? "head not complete within head-timeout"
                                                                      : "silence in the body for body-timeout"});
}

static void discard_input(struct h1_conn *conn)
{
    for (int i = 0; i < DISCARD_LIMIT_READS; i++) {
        ssize_t got = recv(conn->source.fd, conn->server->driver.read_buffer, READ_BUFFER_BYTES, 0);

        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
            h1_conn_close(conn);
            return;
        }
        if (got < 0 && errno == EAGAIN)
            return;
    }
    h1_conn_close(conn); /* it floods: enough of it */
}

static int on_body_bytes(void *context, struct slice bytes)
{
    return h1_body_append(context, bytes);
}

/* The parse of the driver: its body may lie whole in the read buffer, then it is not copied. */
static int on_first_body_bytes(void *context, struct slice bytes)
{
    struct h1_driver *driver = context;

    if (driver->body.length == 0 && driver->parse->has_length && bytes.len == driver->parse->content_length) {
        h1_body_set_in_place(&driver->body, bytes);
        return 0;
    }
    return h1_body_append(&driver->body, bytes);
}

/* A request is complete: hands it to the caller of h1_server_next. `rest` are bytes behind it. */
static void make_ready(struct h1_conn *conn, struct h1_parse *parse, struct h1_body *body, struct slice rest)
{
    struct h1_server *server = conn->server;
    struct h1_exchange *exchange = &server->driver.exchange;

    if (buf_append(&conn->leftover, rest) < 0)
        parse->is_keep_alive = false;
    if (server->is_draining || server->settings->keep_alive_us == 0)
        parse->is_keep_alive = false;
    conn->skipped_bytes = 0;
    enter_state(conn, &RUNNING_APP);
    h1_exchange_start(exchange, parse, body, &conn->endpoints, conn->source.fd, &conn->output);
    exchange->base.times.arrived_us = conn->arrived_us;
    server->ready = conn;
}

/* Keeps what has come of a request. Returns false without memory. */
static bool save_partial(struct h1_conn *conn, struct slice bytes)
{
    struct h1_driver *driver = &conn->server->driver;
    struct h1_parse *parse = driver->parse;
    struct h1_partial *partial;
    size_t offset, len;

    conn->skipped_bytes = parse->skipped_bytes;
    if (parse->start == NULL) /* nothing but an empty line */
        return true;
    offset = (size_t)(parse->start - bytes.ptr);
    len = parse->is_head_done ? parse->head_bytes : bytes.len - offset;
    partial = malloc(sizeof(*partial) + conn->server->settings->field_limit * sizeof(struct header));
    if (partial == NULL)
        return false;
    buf_init(&partial->head);
    partial->body = driver->body;
    h1_body_init(&driver->body, conn->server->settings);
    h1_parse_copy(&partial->parse, parse, &partial->body);
    partial->parse.on_body = on_body_bytes;
    conn->partial = partial;
    if (buf_append(&partial->head, slice_of(parse->start, len)) < 0)
        return false;
    h1_parse_rebase(&partial->parse, partial->head.ptr);
    return true;
}

static void refuse_for_memory(struct h1_conn *conn)
{
    refuse(conn, NULL, (struct h1_refusal){.status = 503, .reason = "out of memory"});
}

/* The head is complete and the body is not: makes room for it and tells a client that waits to be told (RFC
 * 9110 10.1.1). */
static bool begin_body(struct h1_conn *conn)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct h1_partial *partial = conn->partial;
    int status = 0;

    if (partial->parse.has_length && partial->body.length == 0)
        status = h1_body_expect(&partial->body, partial->parse.content_length);
    if (status != 0) {
        refuse(conn, &partial->parse, (struct h1_refusal){.status = status, .reason = "request body cannot be stored"});
        return false;
    }
    /* A socket that cannot take 25 bytes belongs to a client that reads nothing; the deadline will end it. */
    if (partial->parse.expects_continue && partial->body.length == 0)
        (void)!send(conn->source.fd, go_on, sizeof(go_on) - 1, MSG_NOSIGNAL);
    return true;
}

static void await_rest(struct h1_conn *conn, bool was_head_done)
{
    bool is_head_done = conn->partial != NULL && conn->partial->parse.is_head_done;

    if (is_head_done && !was_head_done && !begin_body(conn))
        return;
    if (conn->state != &CLOSED)
        enter_state(conn, is_head_done ? &READING_BODY : &READING_HEAD);
}

static void take_result(struct h1_conn *conn, enum h1_parse_result result, struct h1_parse *parse, struct h1_body *body,
                        struct slice rest)
{
    if (result == H1_MESSAGE_DONE)
        make_ready(conn, parse, body, rest);
    else
        refuse(conn, parse, parse->refusal);
}

/* Bytes for a request of which nothing is kept yet; they stay where they are until it has been served. */
static void take_first_bytes(struct h1_conn *conn, struct slice bytes)
{
    struct h1_driver *driver = &conn->server->driver;
    enum h1_parse_result result;
    size_t used;

    h1_body_fini(&driver->body);
    h1_parse_init(driver->parse, conn->server->settings, on_first_body_bytes, driver);
    driver->parse->skipped_bytes = conn->skipped_bytes;
    result = h1_parse_feed(driver->parse, bytes, &used);
    if (result != H1_NEED_MORE)
        take_result(conn, result, driver->parse, &driver->body, slice_of(bytes.ptr + used, bytes.len - used));
    else if (!save_partial(conn, bytes))
        refuse_for_memory(conn);
    else
        await_rest(conn, false);
}

/* More bytes for a request that is partly here. */
static void take_more_bytes(struct h1_conn *conn, struct slice bytes)
{
    struct h1_partial *partial = conn->partial;
    bool was_head_done = partial->parse.is_head_done;
    size_t kept = partial->head.len, used;
    enum h1_parse_result result;

    if (!was_head_done) {
        if (buf_append(&partial->head, bytes) < 0) {
            refuse_for_memory(conn);
            return;
        }
        h1_parse_rebase(&partial->parse, partial->head.ptr);
        bytes.ptr = partial->head.ptr + kept;
    }
    result = h1_parse_feed(&partial->parse, bytes, &used);
    if (result == H1_NEED_MORE)
        await_rest(conn, was_head_done);
    else
        take_result(conn, result, &partial->parse, &partial->body, slice_of(bytes.ptr + used, bytes.len - used));
}

static void take_bytes(struct h1_conn *conn, struct slice bytes)
{
    if (conn->partial == NULL)
        take_first_bytes(conn, bytes);
    else
        take_more_bytes(conn, bytes);
}

/* The kernel's time stamp is on the wall clock; what matters is how long ago it was. */
static int64_t arrival_of(struct msghdr *message, int64_t now_us)
{
    struct cmsghdr *control;

    for (control = CMSG_FIRSTHDR(message); control != NULL; control = CMSG_NXTHDR(message, control)) {
        if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec stamp;
            int64_t ago_us;

            memcpy(&stamp, CMSG_DATA(control), sizeof(stamp));
            ago_us = clock_wall_us() - ((int64_t)stamp.tv_sec * 1000000 + stamp.tv_nsec / 1000);
            return ago_us > 0 ? now_us - ago_us : now_us;
        }
    }
    return now_us;
}

static ssize_t receive(struct h1_conn *conn)
{
    struct h1_server *server = conn->server;
    char *buffer = server->driver.read_buffer;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct timespec)) + 64];
    struct iovec piece = {.iov_base = buffer, .iov_len = READ_BUFFER_BYTES};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    ssize_t got;

    conn->arrived_us = server->loop.now_us;
    if (!server->settings->wants_arrival_times)
        return recv(conn->source.fd, buffer, READ_BUFFER_BYTES, 0);
    got = recvmsg(conn->source.fd, &message, 0);
    if (got > 0)
        conn->arrived_us = arrival_of(&message, clock_now_us());
    return got;
}

/* The peer sends no more in the middle of something. */
static void end_of_input(struct h1_conn *conn)
{
    if (conn->partial != NULL)
        log_debug("%s:%s hung up in the middle of a request (%s)", conn->remote_address, conn->remote_port,
                  conn->state->name);
    h1_conn_close(conn);
}

static bool is_reading(const struct h1_conn *conn)
{
    return conn->state->on_readable == read_request;
}

static void read_request(struct h1_conn *conn)
{
    /* What came before must be taken up before: h1_conn_proceed() sees to it, and reads on then. */
    if (conn->leftover.len > 0) {
        conn->has_missed_events = true;
        return;
    }
    for (int i = 0; i < MOST_READS_IN_A_ROW; i++) {
        ssize_t got = receive(conn);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            end_of_input(conn);
            return;
        }
        take_bytes(conn, slice_of(conn->server->driver.read_buffer, (size_t)got));
        /* A read that did not fill the buffer has emptied the socket, and a new edge will tell of more; except that the
         * end of the stream, once told, is not told again. */
        if (got == READ_BUFFER_BYTES || conn->has_hung_up)
            conn->has_missed_events = true;
        if (!is_reading(conn))
            return;
        if (!conn->has_missed_events)
            return;
        conn->has_missed_events = false;
    }
    make_pending(conn);
}

/* Puts the bytes that came behind the last request where they can stay while theirs runs. */
static void take_leftover(struct h1_conn *conn)
{
    struct h1_driver *driver = &conn->server->driver;

    buf_fini(&driver->replay);
    driver->replay = conn->leftover;
    buf_init(&conn->leftover);
    conn->arrived_us = conn->server->loop.now_us;
    take_bytes(conn, buf_slice(&driver->replay));
}

void h1_conn_proceed(struct h1_conn *conn)
{
    list_remove(&conn->waiting_node);
    if (conn->leftover.len > 0) {
        take_leftover(conn);
        /* It may have been the beginning of a request whose rest was told of while another ran: no event will tell
         * again. */
        if (is_reading(conn) && conn->has_missed_events)
            make_pending(conn);
        return;
    }
    conn->has_missed_events = false;
    read_request(conn);
    if (conn->state == &ACCEPTED)
        enter_state(conn, &READING_HEAD);
    else if (conn->state == &IDLE && !list_has_node(&conn->waiting_node))
        list_append(&conn->server->idle, &conn->waiting_node);
}

/* The response is out: the next request, or the end. */
static void end_response(struct h1_conn *conn, bool is_keep_alive)
{
    if (!is_keep_alive || conn->server->is_draining) {
        bool has_unread = conn->leftover.len > 0 || conn->has_missed_events;

        /* Closing with bytes unread resets the connection and may take the response along. */
        if (has_unread && !conn->has_hung_up) {
            shutdown(conn->source.fd, SHUT_WR);
            enter_state(conn, &LINGERING);
            if (conn->state == &LINGERING)
                discard_input(conn);
        } else {
            h1_conn_close(conn);
        }
        return;
    }
    enter_state(conn, &IDLE);
    if (conn->state == &IDLE && (conn->leftover.len > 0 || conn->has_missed_events))
        make_pending(conn);
}

static void drain_output(struct h1_conn *conn)
{
    enum io_result result = h1_output_flush(&conn->output, conn->source.fd);
    bool has_progress = conn->output.has_progress;

    conn->output.has_progress = false;
    if (result == IO_FAILED)
        h1_conn_close(conn);
    else if (result == IO_DONE)
        end_response(conn, conn->is_keep_alive);
    else if (has_progress)
        enter_state(conn, &WRITING);
}

/* A cut response must not look like a whole one: where only the close ends it, the close is a reset. */
static void abort_connection(struct h1_conn *conn)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};

    setsockopt(conn->source.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    h1_conn_close(conn);
}

void h1_conn_finish_request(struct h1_conn *conn)
{
    const struct h1_exchange *exchange = &conn->server->driver.exchange;

    drop_partial(conn);
    h1_body_fini(&conn->server->driver.body);
    conn->is_keep_alive = exchange->is_keep_alive;
    if (exchange->is_gone)
        h1_conn_close(conn);
    else if (exchange->is_aborted && exchange->framing == H1_FRAMING_CLOSE)
        abort_connection(conn);
    else if (!h1_output_is_empty(&conn->output))
        enter_state(conn, &WRITING);
    else
        end_response(conn, conn->is_keep_alive);
}
