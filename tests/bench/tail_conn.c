/* SPDX-License-Identifier: MIT */
#include "tail_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

/* New connections come from several addresses of the loopback network, or closed ones would use up the ports of one. */
enum { SOURCE_ADDRESSES = 8, READ_BYTES = 262144, ERROR_DETAIL_MAX = 100 };

static char bytes[READ_BYTES];
static char error_text[ERROR_MAX_BYTES];

const char *conn_error(void)
{
    return error_text;
}

static void conn_close(struct conn *conn)
{
    if (conn->fd >= 0)
        close(conn->fd);
    conn->fd = -1;
    conn->is_used = false;
}

/* The detail may be bytes of the server: its first line is shown, without what would not fit into a JSON string. */
static enum conn_progress fail(struct conn *conn, const char *what, const char *detail)
{
    snprintf(error_text, sizeof error_text, "%s: %.*s", what, ERROR_DETAIL_MAX, detail);
    error_text[strcspn(error_text, "\r\n")] = '\0';
    for (char *byte = error_text; *byte != '\0'; byte++)
        if (*byte == '"' || *byte == '\\' || *byte < ' ' || *byte > '~')
            *byte = '?';
    conn_close(conn);
    return CONN_FAILED;
}

static int bind_source(int fd)
{
    static unsigned turn;
    int on = 1;
    struct sockaddr_in source = {.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + turn++ % SOURCE_ADDRESSES)};

    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    return bind(fd, (struct sockaddr *)&source, sizeof source);
}

/* Starts a connection. Returns 0, or -1 with errno. */
static int conn_open(struct conn *conn)
{
    int on = 1;
    struct sockaddr_in server = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)conn->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = conn};

    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (conn->fd < 0 || bind_source(conn->fd) < 0)
        return -1;
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(conn->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS)
        return -1;
    return epoll_ctl(conn->epoll_fd, EPOLL_CTL_ADD, conn->fd, &event);
}

static enum conn_progress write_request(struct conn *conn)
{
    ssize_t sent = send(conn->fd, conn->request, conn->request_len, MSG_NOSIGNAL);

    if (sent == (ssize_t)conn->request_len) {
        conn->unsent = false;
        return CONN_WAITS;
    }
    if (sent < 0 && (errno == EAGAIN || errno == ENOTCONN || errno == EINPROGRESS))
        return CONN_WAITS; /* EPOLLOUT tells when the connection is made */
    if (sent < 0 && conn->is_used && (errno == EPIPE || errno == ECONNRESET)) {
        conn_close(conn);
        return CONN_LOST;
    }
    return fail(conn, "send", sent < 0 ? strerror(errno) : "only a part was taken");
}

enum conn_progress conn_send(struct conn *conn)
{
    enum conn_progress progress = CONN_LOST;

    conn->unsent = true;
    conn->head_len = 0;
    conn->head_is_done = conn->until_close = conn->closes = false;
    while (progress == CONN_LOST) {
        if (conn->fd < 0 && conn_open(conn) < 0)
            return fail(conn, "connect", strerror(errno));
        progress = write_request(conn);
    }
    return progress;
}

/* Returns the value of a header field within the head, or NULL; the value ends with the line. */
static const char *find_field(const char *head, const char *name)
{
    size_t len = strlen(name);

    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':')
            return line + len + 1 + strspn(line + len + 1, " ");
    }
    return NULL;
}

/* Reads the head, which is complete and ends with NUL. Returns what is wrong with it, or NULL. */
static const char *parse_head(struct conn *conn)
{
    const char *length = find_field(conn->head, "Content-Length"), *connection = find_field(conn->head, "Connection");

    if (strncmp(conn->head, "HTTP/1.", 7) != 0 || strncmp(conn->head + 8, " 200 ", 5) != 0)
        return conn->head;
    if (find_field(conn->head, "Transfer-Encoding") != NULL)
        return "chunked answers are not read by this client";
    conn->until_close = length == NULL;
    conn->to_skip = length == NULL ? 0 : strtoull(length, NULL, 10);
    conn->closes = conn->wants_close || conn->until_close ||
                   (connection == NULL ? conn->head[7] == '0' : strncasecmp(connection, "close", 5) == 0);
    return NULL;
}

/* Takes bytes of the head. Returns how many belong to it, with head_is_done set at its end; -1 when it is too large. */
static ssize_t take_head(struct conn *conn, const char *data, size_t len)
{
    size_t before = conn->head_len, room = sizeof conn->head - 1 - before, taken = len < room ? len : room;
    char *end;

    memcpy(conn->head + before, data, taken);
    conn->head_len += taken;
    conn->head[conn->head_len] = '\0';
    end = strstr(conn->head, "\r\n\r\n");
    if (end == NULL)
        return taken < len ? -1 : (ssize_t)taken;
    end[2] = '\0';
    conn->head_is_done = true;
    return end + 4 - conn->head - (ssize_t)before;
}

/* Returns CONN_WAITS while the answer is not complete. */
static enum conn_progress take(struct conn *conn, const char *data, size_t len)
{
    if (!conn->head_is_done) {
        ssize_t taken = take_head(conn, data, len);
        const char *wrong = taken < 0            ? "larger than the client's buffer"
                            : conn->head_is_done ? parse_head(conn)
                                                 : NULL;

        if (wrong != NULL)
            return fail(conn, "head", wrong);
        if (!conn->head_is_done)
            return CONN_WAITS;
        data += taken;
        len -= (size_t)taken;
    }
    if (conn->until_close)
        return CONN_WAITS;
    if (len > conn->to_skip)
        return fail(conn, "body", "longer than declared");
    conn->to_skip -= len;
    return conn->to_skip == 0 ? CONN_ANSWERED : CONN_WAITS;
}

static enum conn_progress at_end(struct conn *conn)
{
    bool is_complete = conn->head_is_done && conn->until_close;

    if (!is_complete && conn->head_len == 0 && conn->is_used) {
        conn_close(conn);
        return CONN_LOST;
    }
    if (!is_complete)
        return fail(conn, "connection", "closed before the end of the answer");
    conn->closes = true;
    return CONN_ANSWERED;
}

enum conn_progress conn_receive(struct conn *conn)
{
    enum conn_progress progress = CONN_WAITS;
    ssize_t count;

    if (conn->unsent && (progress = write_request(conn)) != CONN_WAITS)
        return progress;
    while (progress == CONN_WAITS && conn->fd >= 0) {
        count = recv(conn->fd, bytes, sizeof bytes, 0);
        if (count < 0 && (errno == EAGAIN || errno == ENOTCONN))
            return CONN_WAITS;
        if (count > 0)
            progress = take(conn, bytes, (size_t)count);
        else if (count == 0 || errno == ECONNRESET)
            progress = at_end(conn);
        else
            return fail(conn, "receive", strerror(errno));
    }
    if (progress == CONN_ANSWERED) {
        conn->is_used = true;
        conn->head_len = 0;
        conn->head_is_done = false;
        if (conn->closes)
            conn_close(conn);
    }
    return progress;
}
