/* SPDX-License-Identifier: MIT */
#include "h1_handoff.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "h1_conn_priv.h"
#include "h1_log_limit.h"
#include "h1_refusal.h"
#include "h1_server_priv.h"
#include "h1_trust.h"
#include "log.h"
#include "standard_fds.h"

#define HEAD_END "\r\n\r\n"

/* What is as it is for every kind of message. Returns false when the client has gone. */
static bool describe_conn(const struct h1_conn *conn, struct handoff_header *header)
{
    *header = (struct handoff_header){
        .listener = (uint32_t)(conn->listener - conn->server->listeners),
        .rest_bytes = (uint32_t)conn->leftover.len,
        .was_half_closed = conn->was_half_closed,
        .has_hung_up = conn->has_hung_up,
        .number = atomic_fetch_add_explicit(&conn->server->handoff->board->given, 1, memory_order_relaxed),
        .arrived_us = conn->arrived_us,
        .enqueued_us = conn->enqueued_us,
        .peer_len = sizeof(header->peer),
    };
    h1_trust_describe(conn, header);
    return getpeername(conn->source.fd, (struct sockaddr *)&header->peer, &header->peer_len) == 0;
}

/* A body that is too large for the message goes into memory that can be passed on like a file. 0 or -errno. */
static int move_body_to_file(struct h1_body *body)
{
    const char *bytes = body->in_place != NULL ? body->in_place : body->memory.ptr;
    int fd = memfd_create("clutch-body", MFD_CLOEXEC), error;

    if (fd < 0)
        return -errno;
    fd = standard_fds_stay_clear(fd);
    error = fd_write_all(fd, bytes, (size_t)body->length);
    if (error < 0) {
        close(fd);
        return error;
    }
    buf_fini(&body->memory);
    body->in_place = NULL;
    body->file_fd = fd;
    return 0;
}

/* Out of the epoll set first: a descriptor in flight would keep its place there. */
static bool send_away(struct h1_conn *conn, const struct handoff_header *header, const struct iovec *iov, int count,
                      int body_fd)
{
    int error;

    if (conn->is_watched)
        loop_remove(&conn->server->loop, &conn->source);
    conn->is_watched = false;
    error = handoff_give(conn->server->handoff, header, iov, count, conn->source.fd, body_fd);
    if (error == 0) {
        h1_conn_close(conn);
        return true;
    }
    if (error != -EAGAIN)
        H1_LOG_EVENT(LOG_LEVEL_WARNING, "a request could not be queued for the other workers: %s", strerror(-error));
    conn->has_missed_events = true;
    return false;
}

static struct iovec piece(const char *bytes, size_t len)
{
    return (struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
}

/* Behind the body, in its file, whose length in *body does not change: what is too long for a message. */
static int write_behind_body(const struct h1_body *body, const struct iovec *iov, int count)
{
    off_t at = (off_t)body->length;
    int error = 0;

    for (int i = 0; i < count && error == 0; i++) {
        error = fd_write_all_at(body->file_fd, iov[i].iov_base, iov[i].iov_len, at);
        at += (off_t)iov[i].iov_len;
    }
    return error;
}

/* Moves to a file what makes the message too long: the body, then all. 0 or -errno. */
static int shorten(struct handoff_header *header, struct h1_body *body, struct iovec iov[HANDOFF_IOV])
{
    struct iovec *body_piece = &iov[2];
    uint64_t without_body = (uint64_t)header->head_bytes + header->rest_bytes;
    int error;

    if (body->file_fd < 0 && without_body + body->length > HANDOFF_MESSAGE_BYTES &&
        (error = move_body_to_file(body)) < 0)
        return error;
    header->has_body_file = body->file_fd >= 0;
    if (body->file_fd < 0)
        return 0;
    header->body_file_bytes = body->length;
    header->body_bytes = 0;
    body_piece->iov_len = 0;
    if (without_body <= HANDOFF_MESSAGE_BYTES)
        return 0;
    header->is_all_in_file = 1;
    error = write_behind_body(body, iov, HANDOFF_IOV);
    for (int i = 0; i < HANDOFF_IOV; i++)
        iov[i].iov_len = 0;
    return error;
}

bool h1_handoff_give(struct h1_conn *conn, const struct h1_parse *parse, struct h1_body *body)
{
    struct handoff_header header;
    const char *bytes = body->in_place != NULL ? body->in_place : body->memory.ptr;
    /* White space at the end of the last field is not counted in head_bytes, nor need it be sent. */
    struct iovec iov[HANDOFF_IOV] = {piece(parse->start, parse->head_bytes - strlen(HEAD_END)),
                                     piece(HEAD_END, strlen(HEAD_END)), piece(bytes, (size_t)body->length),
                                     piece(conn->leftover.ptr, conn->leftover.len)};

    if (!describe_conn(conn, &header)) {
        h1_conn_close(conn);
        return false;
    }
    header.kind = HANDOFF_REQUEST;
    header.head_bytes = (uint32_t)parse->head_bytes;
    header.body_bytes = (uint32_t)body->length;
    if (shorten(&header, body, iov) < 0 || !send_away(conn, &header, iov, HANDOFF_IOV, body->file_fd))
        return false;
    h1_count(&conn->server->counts->given);
    h1_body_fini(body);
    return true;
}

bool h1_handoff_give_idle(struct h1_conn *conn)
{
    struct handoff_header header;

    if (conn->partial != NULL || conn->proxy != NULL || conn->leftover.len > 0 || conn->skipped_bytes % 2 != 0 ||
        !describe_conn(conn, &header))
        return false;
    header.kind = HANDOFF_IDLE;
    header.enqueued_us = clock_now_us(); /* not to be taken for one that has waited for long */
    return send_away(conn, &header, NULL, 0, -1);
}

static bool append_from_file(struct buf *buf, int fd, uint64_t at, size_t len)
{
    if (len > 0 && buf_reserve(buf, len) < 0)
        return false;
    while (len > 0) {
        ssize_t got = pread(fd, buf->ptr + buf->len, len, (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        buf->len += (size_t)got;
        len -= (size_t)got;
        at += (uint64_t)got;
    }
    return true;
}

/* Where the bytes of the head are. Returns a slice without bytes when they cannot be had. */
static struct slice locate_head(struct h1_driver *driver, const struct handoff_message *message)
{
    const struct handoff_header *header = &message->header;

    if (!header->is_all_in_file)
        return slice_of(message->bytes, header->head_bytes);
    buf_fini(&driver->replay);
    if (!append_from_file(&driver->replay, message->file_fd, header->body_file_bytes, header->head_bytes))
        return slice_of(NULL, 0);
    return buf_slice(&driver->replay);
}

/* What came behind the request goes back to its connection. */
static bool take_rest(struct h1_conn *conn, const struct handoff_message *message)
{
    const struct handoff_header *header = &message->header;
    const char *rest = message->bytes + header->head_bytes + header->body_bytes;

    if (!header->is_all_in_file)
        return buf_append(&conn->leftover, slice_of(rest, header->rest_bytes)) == 0;
    return append_from_file(&conn->leftover, message->file_fd, header->body_file_bytes + header->head_bytes,
                            header->rest_bytes);
}

/* Parses the head again, and first: even a refusal depends on it. The body is taken as the sender has decoded it. */
static bool read_request(struct h1_server *server, struct h1_driver *driver, struct h1_conn *conn,
                         struct handoff_message *message)
{
    const struct handoff_header *header = &message->header;
    struct h1_parse *parse = driver->parse;
    struct slice head = locate_head(driver, message);
    size_t used;

    h1_body_fini(&driver->body);
    h1_parse_init(parse, server->settings, NULL, NULL);
    parse->is_peer_trusted = conn->is_trusted;
    if (head.len == 0 || h1_parse_feed(parse, head, &used) == H1_REFUSED || !parse->is_head_done ||
        !take_rest(conn, message))
        return false;
    if (header->has_body_file) {
        driver->body.file_fd = message->file_fd;
        driver->body.length = header->body_file_bytes;
        message->file_fd = -1;
    } else if (header->body_bytes > 0) {
        h1_body_set_in_place(&driver->body, slice_of(message->bytes + header->head_bytes, header->body_bytes));
    }
    if (atomic_load(&server->is_draining) || server->settings->keep_alive_us == 0)
        parse->is_keep_alive = false;
    return true;
}

/* Another worker may be somebody's who has taken it over. What a message says of lengths has been checked. */
static bool is_believable(const struct h1_server *server, const struct handoff_header *header)
{
    return header->listener < server->listener_count &&
           memchr(header->client_address, '\0', sizeof(header->client_address)) != NULL &&
           memchr(header->client_port, '\0', sizeof(header->client_port)) != NULL;
}

struct h1_conn *h1_handoff_receive(struct h1_server *server, struct h1_driver *driver, struct handoff_message *message)
{
    const struct handoff_header *header = &message->header;
    struct h1_conn *conn;

    if (!is_believable(server, header)) {
        H1_LOG_EVENT(LOG_LEVEL_ERROR, "a connection was closed: no worker of this server can have handed it over so");
        fd_close(&message->conn_fd);
        fd_close(&message->file_fd);
        return NULL;
    }
    conn = h1_conn_new(server, message->conn_fd, &header->peer, &server->listeners[header->listener]);
    if (conn == NULL) {
        fd_close(&message->file_fd);
        return NULL;
    }
    h1_trust_restore(conn, header);
    conn->state = &H1_RUNNING_APP;
    conn->arrived_us = header->arrived_us;
    conn->enqueued_us = header->enqueued_us;
    conn->was_half_closed = header->was_half_closed != 0;
    conn->has_hung_up = header->has_hung_up != 0;
    conn->has_missed_events = true; /* nobody has watched it meanwhile */
    if (header->kind == HANDOFF_REQUEST && !read_request(server, driver, conn, message)) {
        H1_LOG_EVENT(
            LOG_LEVEL_ERROR,
            "a request that another worker had read was answered with 503: there is no memory to take it over, or "
            "the file with its body cannot be read");
        h1_refusal_answer(driver, &(struct h1_refusal){.reason = H1_REASON_NO_MEMORY}, &conn->endpoints, driver->parse,
                          conn->source.fd);
        h1_body_fini(&driver->body);
        conn->outcome = H1_OUTCOME_LINGER;
        h1_conn_give_back(conn, driver);
        conn = NULL;
    }
    fd_close(&message->file_fd);
    return conn;
}
