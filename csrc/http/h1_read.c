/* SPDX-License-Identifier: MIT */
#include "h1_read.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "clock.h"
#include "h1_answer.h"
#include "h1_conn_priv.h"
#include "h1_queue.h"
#include "h1_server_priv.h"
#include "h1_trust.h"
#include "log.h"

enum {
    MOST_READS_IN_A_ROW = 16,
    CLOCK_JUMP_US = 1000000, /* more than a clock that is put right bit by bit drifts from one request to the next */
};

bool h1_read_is_due(const struct h1_conn *conn)
{
    return conn->state->on_readable == h1_read_request;
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

void h1_read_run(struct h1_conn *conn, struct h1_driver *driver, struct h1_parse *parse, struct h1_body *body)
{
    h1_conn_enter_state(conn, &H1_RUNNING_APP);
    h1_driver_start_exchange(driver, conn, parse, body);
    driver->ready = conn;
}

/* Of the request so much is parsed as had come; its method may say that the answer has no body. */
static void refuse_for_memory(struct h1_conn *conn, const struct h1_parse *parse)
{
    h1_conn_refuse(conn, parse, (struct h1_refusal){.reason = H1_REASON_NO_MEMORY});
}

/* A request is complete: the thread that drives runs it, or it waits for another. `rest` are bytes behind it. */
static void make_ready(struct h1_conn *conn, struct h1_parse *parse, struct h1_body *body, struct slice rest)
{
    struct h1_server *server = conn->server;
    struct h1_driver *driver = server->driver;

    if (UNLIKELY(server->settings->answerer != NULL) && h1_answer_own(conn, parse))
        return;
    if (buf_append(&conn->leftover, rest) < 0) {
        refuse_for_memory(conn, parse);
        return;
    }
    if (atomic_load_explicit(&server->is_draining, memory_order_relaxed) || server->settings->keep_alive_us == 0)
        parse->is_keep_alive = false;
    conn->skipped_bytes = 0;
    if (h1_driver_is_sentry(driver) || !h1_server_can_serve(server) ||
        (h1_balance_sheds(server) && !h1_queue_is_full(server)))
        h1_queue_put(conn, parse, body);
    else
        h1_read_run(conn, driver, parse, body);
}

/* Keeps what has come of a request. Returns false without memory. */
static bool save_partial(struct h1_conn *conn, struct slice bytes)
{
    struct h1_driver *driver = conn->server->driver;
    struct h1_parse *parse = driver->parse;
    struct h1_partial *partial;
    size_t offset, len;

    conn->skipped_bytes = parse->skipped_bytes;
    if (parse->start == NULL) /* nothing but an empty line */
        return true;
    offset = (size_t)(parse->start - bytes.ptr);
    len = parse->is_head_done ? parse->head_bytes : bytes.len - offset;
    partial = malloc(offsetof(struct h1_partial, parse) + h1_parse_size(conn->server->settings));
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

bool h1_read_keep_whole(struct h1_conn *conn, struct h1_parse *parse, struct h1_body *body)
{
    struct slice bytes = slice_of(body->in_place, (size_t)body->length);

    if (conn->partial != NULL)
        return true;
    if (body->in_place != NULL) {
        h1_body_init(body, conn->server->settings);
        if (h1_body_append(body, bytes) != 0)
            return false;
    }
    if (!save_partial(conn, slice_of(parse->start, parse->head_bytes)))
        return false;
    conn->skipped_bytes = 0;
    return true;
}

/* The head is complete and the body is not: makes room for it and tells a client that waits to be told (RFC
 * 9110 10.1.1). */
static bool begin_body(struct h1_conn *conn)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct h1_partial *partial = conn->partial;
    int status = 0;

    if (partial->body.length == 0) /* a chunked one is of any length, but its time begins as well */
        status = h1_body_expect(&partial->body, partial->parse.content_length);
    if (status != 0) {
        h1_conn_refuse(conn, &partial->parse, (struct h1_refusal){.reason = H1_REASON_BODY_NOT_STORED});
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
    if (is_head_done && h1_body_is_too_slow(&conn->partial->body, conn->server->loop.now_us)) {
        h1_conn_refuse(conn, &conn->partial->parse, (struct h1_refusal){.reason = H1_REASON_BODY_TOO_SLOW});
        return;
    }
    if (conn->state != &H1_CLOSED)
        h1_conn_enter_state(conn, is_head_done ? &H1_READING_BODY : &H1_READING_HEAD);
}

static void take_result(struct h1_conn *conn, enum h1_parse_result result, struct h1_parse *parse, struct h1_body *body,
                        struct slice rest)
{
    if (result == H1_MESSAGE_DONE)
        make_ready(conn, parse, body, rest);
    else
        h1_conn_refuse(conn, parse, parse->refusal);
}

/* Bytes for a request of which nothing is kept yet; they stay where they are until it has been served. */
static void take_first_bytes(struct h1_conn *conn, struct slice bytes)
{
    struct h1_driver *driver = conn->server->driver;
    enum h1_parse_result result;
    size_t used;

    h1_body_fini(&driver->body);
    h1_parse_init(driver->parse, conn->server->settings, on_first_body_bytes, driver);
    driver->parse->skipped_bytes = conn->skipped_bytes;
    driver->parse->is_peer_trusted = conn->is_trusted;
    result = h1_parse_feed(driver->parse, bytes, &used);
    if (result != H1_NEED_MORE)
        take_result(conn, result, driver->parse, &driver->body, slice_of(bytes.ptr + used, bytes.len - used));
    else if (!save_partial(conn, bytes))
        refuse_for_memory(conn, driver->parse);
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
            refuse_for_memory(conn, &partial->parse);
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
    if (UNLIKELY(conn->awaits_proxy_header) && (!h1_trust_take_header(conn, &bytes) || bytes.len == 0))
        return;
    if (conn->partial == NULL)
        take_first_bytes(conn, bytes);
    else
        take_more_bytes(conn, bytes);
}

/* Whether the kernel's time stamp, which is on the wall clock, can be told from a jump of that clock. */
static bool is_plausible(struct h1_server *server, int64_t ago_us, int64_t wall_us, int64_t now_us)
{
    int64_t offset_us = wall_us - now_us, moved_us = offset_us - server->wall_offset_us;

    if (server->wall_offset_us != 0 && (moved_us > CLOCK_JUMP_US || moved_us < -CLOCK_JUMP_US))
        server->steady_since_us = now_us;
    server->wall_offset_us = offset_us;
    return ago_us > 0 && (server->steady_since_us == 0 || ago_us <= now_us - server->steady_since_us);
}

/* What matters of the kernel's time stamp is how long ago it was. */
static int64_t arrival_of(struct h1_server *server, struct msghdr *message, int64_t now_us)
{
    struct cmsghdr *control;

    for (control = CMSG_FIRSTHDR(message); control != NULL; control = CMSG_NXTHDR(message, control)) {
        if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec stamp;
            int64_t wall_us = clock_wall_us(), ago_us;

            memcpy(&stamp, CMSG_DATA(control), sizeof(stamp));
            ago_us = wall_us - ((int64_t)stamp.tv_sec * 1000000 + stamp.tv_nsec / 1000);
            return is_plausible(server, ago_us, wall_us, now_us) ? now_us - ago_us : now_us;
        }
    }
    return now_us;
}

static ssize_t receive(struct h1_conn *conn)
{
    struct h1_server *server = conn->server;
    char *buffer = server->driver->read_buffer;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct timespec)) + 64];
    struct iovec piece = {.iov_base = buffer, .iov_len = READ_BUFFER_BYTES};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    ssize_t got;

    conn->arrived_us = server->loop.now_us;
    /* Unix sockets know no arrival times; there a control message would bring descriptors that the client sends. */
    if (!server->settings->wants_arrival_times || conn->peer_address[0] == '\0')
        return recv(conn->source.fd, buffer, READ_BUFFER_BYTES, 0);
    got = recvmsg(conn->source.fd, &message, 0);
    if (got > 0)
        conn->arrived_us = arrival_of(server, &message, clock_now_us());
    return got;
}

/* The peer sends no more in the middle of something. */
static void end_of_input(struct h1_conn *conn)
{
    if (conn->partial != NULL || conn->proxy != NULL)
        log_debug("%s:%s hung up in the middle of a request (%s)", conn->remote_address, conn->remote_port,
                  conn->state->name);
    h1_conn_close(conn);
}

void h1_read_request(struct h1_conn *conn)
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
        take_bytes(conn, slice_of(conn->server->driver->read_buffer, (size_t)got));
        /* A read that did not fill the buffer has emptied the socket, and a new edge will tell of more; except that the
         * end of the stream, once told, is not told again. */
        if (got == READ_BUFFER_BYTES || conn->has_hung_up)
            conn->has_missed_events = true;
        if (!h1_read_is_due(conn))
            return;
        if (!conn->has_missed_events)
            return;
        conn->has_missed_events = false;
    }
    h1_conn_make_pending(conn);
}

/* Puts the bytes that came behind the last request where they can stay while theirs runs. */
void h1_read_leftover(struct h1_conn *conn)
{
    struct h1_driver *driver = conn->server->driver;

    buf_fini(&driver->replay);
    driver->replay = conn->leftover;
    buf_init(&conn->leftover);
    conn->arrived_us = conn->server->loop.now_us;
    take_bytes(conn, buf_slice(&driver->replay));
}
