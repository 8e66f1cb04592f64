/* SPDX-License-Identifier: MIT */
#include "control_client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "json_read.h"
#include "visible.h"
#include "unix_address.h"

enum { REQUEST_BYTES = 512, PIECE_BYTES = 65536, MOST_BYTES = 256 << 20, SAID_BYTES = 256 };

struct talk {
    const char *address;
    char *error;
    int fd;
    int64_t until_us;
    struct buf received;
};

static int fail(const struct talk *talk, const char *reason)
{
    snprintf(talk->error, CONTROL_ERROR_BYTES, "the server at %s %s", talk->address, reason);
    return -1;
}

static int fail_to_connect(const struct talk *talk, int error)
{
    if (error == ECONNREFUSED || error == ENOENT)
        snprintf(talk->error, CONTROL_ERROR_BYTES, "nobody answers at %s: no server runs with --control-socket %s%s",
                 talk->address, talk->address, talk->address[0] == '@' ? " (in this network namespace)" : "");
    else if (error == EACCES)
        snprintf(talk->error, CONTROL_ERROR_BYTES,
                 "%s is not for this user: the control socket is for who has started the server, and for root",
                 talk->address);
    else
        snprintf(talk->error, CONTROL_ERROR_BYTES, "cannot connect to %s: %s", talk->address, strerror(error));
    return -1;
}

static bool wait_for(const struct talk *talk, short events)
{
    struct pollfd pollfd = {.fd = talk->fd, .events = events};
    int result;

    do {
        int64_t left_ms = (talk->until_us - clock_now_us()) / 1000;

        result = poll(&pollfd, 1, left_ms < 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int)left_ms);
    } while (result < 0 && errno == EINTR);
    return result > 0;
}

static int open_connection(struct talk *talk)
{
    struct unix_address address;
    const char *expected = unix_address_parse(talk->address, &address);

    if (expected != NULL) {
        snprintf(talk->error, CONTROL_ERROR_BYTES, "'%s' is no control socket: expected %s", talk->address, expected);
        return -1;
    }
    talk->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (talk->fd < 0)
        return fail_to_connect(talk, errno);
    /* EAGAIN: its backlog is full. */
    while (connect(talk->fd, (const struct sockaddr *)&address.socket, address.len) < 0) {
        if (errno != EAGAIN && errno != EINTR)
            return fail_to_connect(talk, errno);
        if (clock_now_us() > talk->until_us)
            return fail(talk, "accepts no connection");
        poll(NULL, 0, 10);
    }
    return 0;
}

static int send_request(const struct talk *talk, const char *method, const char *target)
{
    char request[REQUEST_BYTES];
    int len = snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n",
                       method, target, strcmp(method, "POST") == 0 ? "Content-Length: 0\r\n" : "");

    /* Who refuses us may have answered and hung up by now: that answer is to be read. */
    if (send(talk->fd, request, (size_t)len, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
        return fail(talk, "takes no request");
    return 0;
}

/* All that comes until the server hangs up. */
static int receive(struct talk *talk)
{
    for (;;) {
        ssize_t got;

        if (buf_reserve(&talk->received, PIECE_BYTES) < 0 || talk->received.len > MOST_BYTES)
            return fail(talk, "answers more than fits the memory");
        got = recv(talk->fd, talk->received.ptr + talk->received.len, PIECE_BYTES, 0);
        if (got == 0 || (got < 0 && errno == ECONNRESET))
            return 0;
        if (got > 0)
            talk->received.len += (size_t)got;
        else if (errno == EAGAIN && !wait_for(talk, POLLIN))
            return fail(talk, "does not answer");
        else if (errno != EAGAIN && errno != EINTR)
            return fail(talk, strerror(errno));
    }
}

/* The number behind a field's name; -1 without one. `head` ends in NUL. */
static int64_t find_length(const char *head)
{
    const char *field = strcasestr(head, "\r\nContent-Length:");

    return field != NULL ? strtoll(field + strlen("\r\nContent-Length:"), NULL, 10) : -1;
}

static int fail_as_said(const struct talk *talk, int status, struct slice body)
{
    char said[SAID_BYTES];

    while (body.len > 0 && body.ptr[body.len - 1] == '\n')
        body.len--;
    visible_copy(said, sizeof(said), body);
    snprintf(talk->error, CONTROL_ERROR_BYTES, "the server at %s refuses: %s (%d)", talk->address, said, status);
    return -1;
}

/* What clutch says is lines of ASCII; something else may be printed as it is (--json), and is not for a terminal. */
static bool is_plain(struct slice body)
{
    for (size_t i = 0; i < body.len; i++) {
        if (body.ptr[i] != '\n' && (body.ptr[i] < ' ' || body.ptr[i] > '~'))
            return false;
    }
    return true;
}

/* Leaves the body of a good response alone in the buffer. */
static int take_apart(struct talk *talk)
{
    struct buf *received = &talk->received;
    const char *end = received->len > 0 ? memmem(received->ptr, received->len, "\r\n\r\n", 4) : NULL;
    int64_t length;
    int status;

    if (received->len == 0)
        return fail(talk, "has hung up without an answer");
    if (end == NULL || memchr(received->ptr, '\0', (size_t)(end - received->ptr)) != NULL)
        return fail(talk, "has hung up in the middle of its answer, or is none of clutch");
    received->ptr[end - received->ptr + 2] = '\0';
    if (sscanf(received->ptr, "HTTP/1.1 %3d", &status) != 1)
        return fail(talk, "is none of clutch: its answer is not understood");
    length = find_length(received->ptr);
    buf_consume(received, (size_t)(end - received->ptr) + 4);
    if (length != (int64_t)received->len)
        return fail(talk, "has hung up in the middle of its answer");
    if (status / 100 != 2)
        return fail_as_said(talk, status, buf_slice(received));
    return is_plain(buf_slice(received)) ? 0 : fail(talk, "is none of clutch: its answer is not understood");
}

int control_ask_text(const char *address, const char *method, const char *target, int64_t timeout_ms,
                     struct control_reply *reply, char *error)
{
    struct talk talk = {.address = address, .error = error, .fd = -1, .until_us = clock_now_us() + timeout_ms * 1000};
    int result;

    *reply = CONTROL_REPLY_NONE;
    buf_init(&talk.received);
    result = open_connection(&talk) < 0 || send_request(&talk, method, target) < 0 || receive(&talk) < 0 ||
                     take_apart(&talk) < 0
                 ? -1
                 : 0;
    fd_close(&talk.fd);
    if (result < 0)
        buf_fini(&talk.received);
    reply->text = talk.received;
    return result;
}

int control_reply_read(struct control_reply *reply, const char *address, char *error)
{
    reply->tree = json_tree_read(reply->text.ptr, reply->text.len);
    if (reply->tree != NULL)
        return 0;
    snprintf(error, CONTROL_ERROR_BYTES, "the server at %s is none of clutch: its answer is not understood", address);
    control_reply_fini(reply);
    return -1;
}

int control_ask(const char *address, const char *method, const char *target, int64_t timeout_ms,
                struct control_reply *reply, char *error)
{
    if (control_ask_text(address, method, target, timeout_ms, reply, error) < 0)
        return -1;
    return control_reply_read(reply, address, error);
}

void control_reply_fini(struct control_reply *reply)
{
    json_tree_free(reply->tree);
    buf_fini(&reply->text);
    *reply = CONTROL_REPLY_NONE;
}
