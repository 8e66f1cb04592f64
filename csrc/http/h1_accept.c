/* SPDX-License-Identifier: MIT */
#include "h1_accept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "fd.h"
#include "h1_conn_priv.h"
#include "h1_log_limit.h"
#include "h1_server_priv.h"
#include "log.h"
#include "standard_fds.h"

enum { ACCEPT_PAUSE_US = 100000, WARNING_PAUSE_US = 60000000, MOST_RESERVED_DESCRIPTORS = 256, MOST_REST = 65536 };

static int watch_acceptor(struct h1_acceptor *acceptor)
{
    /* One worker is woken for a connection. If it turns to another request first, its sentry accepts instead. */
    int failed = loop_add(&acceptor->server->loop, &acceptor->source, EPOLLIN | EPOLLEXCLUSIVE);

    if (failed < 0)
        log_error("%s cannot be watched: %s", acceptor->listener->url, strerror(-failed));
    return failed;
}

/* Returns whether there may have been something to accept. */
static bool stop_accepting(struct h1_server *server)
{
    bool was_told = false;

    for (size_t i = 0; i < server->accepting.acceptor_count; i++)
        was_told |= loop_remove(&server->loop, &server->accepting.acceptors[i].source);
    return was_told;
}

static void watch_all(struct h1_server *server)
{
    if (server->is_held)
        return;
    for (size_t i = 0; i < server->accepting.acceptor_count; i++)
        (void)watch_acceptor(&server->accepting.acceptors[i]);
}

static void resume_accepting(struct deadline *deadline)
{
    struct h1_server *server = CONTAINER_OF(deadline, struct h1_server, accepting.pause_deadline);

    server->accepting.is_paused = false;
    if (!atomic_load(&server->is_draining))
        watch_all(server);
}

/* The kernel has woken only this worker for a connection that it does not accept: a sibling that waits is to look. */
static void pass_on(struct h1_server *server)
{
    if (server->handoff == NULL || handoff_row_end(server->handoff) < 2)
        return;
    server->accepting.seen_unaccepted = handoff_tell_unaccepted(server->handoff);
}

void h1_accept_look_again(struct h1_server *server)
{
    struct h1_accepting *accepting = &server->accepting;
    uint32_t unaccepted;

    if (server->handoff == NULL)
        return;
    unaccepted = atomic_load_explicit(&server->handoff->board->unaccepted, memory_order_relaxed);
    if (LIKELY(unaccepted == accepting->seen_unaccepted))
        return;
    accepting->seen_unaccepted = unaccepted;
    if (accepting->is_paused || atomic_load(&server->is_draining))
        return;
    (void)stop_accepting(server);
    watch_all(server); /* from anew: the kernel looks whether there is anything */
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

static bool close_longest_idle(struct h1_server *server, const char *reason)
{
    struct h1_conn *longest_idle = find_longest_idle(server);

    if (longest_idle == NULL)
        return false;
    log_debug("%s: the longest idle connection is closed", reason);
    h1_conn_close(longest_idle);
    return true;
}

static void warn(struct h1_server *server, int error)
{
    int64_t *warned_us = &server->accepting.warned_us;

    if (*warned_us != 0 && server->loop.now_us - *warned_us < WARNING_PAUSE_US)
        return;
    *warned_us = server->loop.now_us;
    log_warning("accept: %s; new connections wait (said once a minute)", strerror(error));
}

/* No descriptor or memory for another connection: the longest idle one makes room; if there is none, accepting pauses,
 * since the listener would be reported ready without end. */
static void relieve_pressure(struct h1_server *server, int error)
{
    if (close_longest_idle(server, strerror(error)))
        return;
    warn(server, error);
    (void)stop_accepting(server);
    pass_on(server);
    server->accepting.is_paused = true;
    deadline_set(&server->loop, &server->accepting.pause, &server->accepting.pause_deadline);
}

bool h1_accept_has_room(const struct h1_server *server)
{
    return atomic_load_explicit(&server->conn_count, memory_order_relaxed) < server->accepting.conn_limit;
}

/* The application may have taken more than its share. */
bool h1_accept_has_room_for_message(const struct h1_server *server)
{
    return h1_accept_has_room(server) && fd_has_room(server->loop.epoll_fd, HANDOFF_MOST_FDS);
}

bool h1_accept_make_room_for_message(struct h1_server *server)
{
    while (!h1_accept_has_room_for_message(server)) {
        if (!close_longest_idle(server, "too many connections or other open files"))
            return false;
    }
    return true;
}

static void on_acceptable(struct loop_source *source, uint32_t events)
{
    struct h1_acceptor *acceptor = CONTAINER_OF(source, struct h1_acceptor, source);
    struct h1_server *server = acceptor->server;
    struct sockaddr_storage peer = {0};
    socklen_t peer_len = sizeof(peer);
    struct h1_conn *conn;
    int fd;

    if (!h1_accept_has_room(server)) {
        relieve_pressure(server, EMFILE);
        return;
    }
    fd = accept4(source->fd, (struct sockaddr *)&peer, &peer_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        fd = standard_fds_stay_clear(fd);
        /* What this worker does not take the others can; if they are busy, those who have waited longest for their
         * first request go before the next ones of other clients. */
        if (server->handoff == NULL || !handoff_has_idle_sibling(server->handoff, server->row_number))
            loop_repeat(&server->loop, source, events);
        h1_count(&server->counts->accepted);
        if (server->accepting.is_welcome != NULL && !server->accepting.is_welcome(server->accepting.context, fd)) {
            fd_close(&fd);
            return;
        }
        conn = h1_conn_new(server, fd, &peer, acceptor->listener);
        if (conn != NULL) {
            h1_conn_adopt(conn);
            h1_conn_proceed(conn);
        }
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        relieve_pressure(server, errno);
    } else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR && errno != EINVAL) {
        /* EINVAL: the master has ended the address for all; the order to drain is among the next events. */
        H1_LOG_EVENT(LOG_LEVEL_WARNING, "accept at %s: %s", acceptor->listener->url, strerror(errno));
    }
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

int h1_accept_start(struct h1_server *server, const struct h1_place *place)
{
    struct h1_accepting *accepting = &server->accepting;
    const struct listener *listeners = place->listeners;
    size_t count = place->listener_count;

    accepting->is_welcome = place->is_welcome;
    accepting->context = place->context;
    accepting->conn_limit = most_connections();
    if (server->handoff != NULL)
        accepting->seen_unaccepted = atomic_load(&server->handoff->board->unaccepted);
    deadline_queue_init(&server->loop, &accepting->pause, ACCEPT_PAUSE_US, resume_accepting);
    accepting->acceptors = calloc(count, sizeof(*accepting->acceptors));
    if (accepting->acceptors == NULL && count > 0) {
        log_error("the server could not be set up: out of memory");
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        struct h1_acceptor *acceptor = &accepting->acceptors[accepting->acceptor_count++];
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
        if (!server->is_held && watch_acceptor(acceptor) < 0)
            return -1;
    }
    return 0;
}

void h1_accept_begin(struct h1_server *server)
{
    if (!server->accepting.is_paused)
        watch_all(server);
}

void h1_accept_end(struct h1_server *server)
{
    if (!server->accepting.is_paused && stop_accepting(server))
        pass_on(server);
}

static void accept_rest_of(struct h1_acceptor *acceptor)
{
    struct h1_server *server = acceptor->server;

    for (int i = 0; i < MOST_REST && h1_accept_has_room(server); i++) {
        struct sockaddr_storage peer = {0};
        socklen_t peer_len = sizeof(peer);
        int fd = accept4(acceptor->source.fd, (struct sockaddr *)&peer, &peer_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        struct h1_conn *conn;

        if (fd < 0)
            return;
        h1_count(&server->counts->accepted);
        conn = h1_conn_new(server, standard_fds_stay_clear(fd), &peer, acceptor->listener);
        if (conn == NULL)
            continue;
        h1_conn_adopt(conn);
        h1_conn_enter_state(conn, &H1_READING_HEAD);
        if (conn->state == &H1_READING_HEAD)
            h1_conn_make_pending(conn);
    }
}

void h1_accept_rest(struct h1_server *server)
{
    if (server->is_held)
        return;
    for (size_t i = 0; i < server->accepting.acceptor_count; i++)
        accept_rest_of(&server->accepting.acceptors[i]);
}

void h1_accept_free(struct h1_server *server)
{
    free(server->accepting.acceptors);
}
