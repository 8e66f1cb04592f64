/* SPDX-License-Identifier: MIT */
/*
 * The floor of the benchmark: a bare event loop, the parser, and one fixed answer; no limits, no time-outs, no
 * application. What a server needs beyond this is the price of being one.
 *
 *     floor PORT [PROCESSES]
 *
 * Edge triggered. A keep-alive request costs one recv and one send, and a share of an epoll_wait. With several
 * processes each has a listener of its own at the same port.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <llhttp.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCH = 64, READ_BYTES = 65536, BACKLOG = 4096 };

struct conn {
    int fd;
    unsigned complete; /* requests that were read and not answered */
    llhttp_t parser;
};

static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nHello, world!\n";
static llhttp_settings_t settings;
static char bytes[READ_BYTES];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int count_request(llhttp_t *parser)
{
    ((struct conn *)parser->data)->complete++;
    return 0;
}

static int listen_at(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, BACKLOG) < 0)
        fail("floor: listen");
    return fd;
}

static void accept_all(int epoll_fd, int listener)
{
    int fd, on = 1;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *conn = calloc(1, sizeof *conn);
        struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = conn};
        if (conn == NULL)
            fail("floor: memory");
        conn->fd = fd;
        llhttp_init(&conn->parser, HTTP_REQUEST, &settings);
        conn->parser.data = conn;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
            fail("floor: epoll_ctl");
    }
}

/* Returns whether the connection goes on. An answer is so short that a send buffer without room for it ends the
 * connection. */
static int answer(struct conn *conn)
{
    for (; conn->complete > 0; conn->complete--)
        if (send(conn->fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL) != (ssize_t)sizeof ANSWER - 1)
            return 0;
    return llhttp_should_keep_alive(&conn->parser);
}

static void serve(struct conn *conn, uint32_t events)
{
    ssize_t count;

    do {
        count = recv(conn->fd, bytes, sizeof bytes, 0);
        if (count < 0 && errno == EAGAIN)
            return;
        if (count <= 0 || llhttp_execute(&conn->parser, bytes, (size_t)count) != HPE_OK ||
            (conn->complete > 0 && !answer(conn))) {
            close(conn->fd);
            free(conn);
            return;
        }
    } while (count == (ssize_t)sizeof bytes || (events & EPOLLRDHUP) != 0); /* a short read has emptied the socket */
}

static _Noreturn void run(int port)
{
    int listener = listen_at(port), epoll_fd = epoll_create1(EPOLL_CLOEXEC), count;
    struct epoll_event events[BATCH], event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};

    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) < 0)
        fail("floor: epoll");
    llhttp_settings_init(&settings);
    settings.on_message_complete = count_request;
    for (;;) {
        count = epoll_wait(epoll_fd, events, BATCH, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL)
                accept_all(epoll_fd, listener);
            else
                serve(events[i].data.ptr, events[i].events);
        }
    }
}

int main(int argc, char **argv)
{
    int port = argc > 1 ? atoi(argv[1]) : 0, processes = argc > 2 ? atoi(argv[2]) : 1;

    if (port <= 0 || processes <= 0) {
        fprintf(stderr, "usage: floor PORT [PROCESSES]\n");
        return 2;
    }
    for (int i = 1; i < processes; i++)
        if (fork() == 0)
            run(port);
    run(port);
}
