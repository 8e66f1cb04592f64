/* SPDX-License-Identifier: MIT */
#include "h1_leave.h"

#include "h1_conn_priv.h"
#include "h1_queue.h"
#include "h1_server_priv.h"

enum {
    TRY_US = 2000,
    PATIENCE_US = 5000000, /* with siblings that take nothing out of the queue */
    FRESH_US = 100000,     /* of a connection without a request, when the server stops */
};

static bool has_siblings(const struct h1_server *server)
{
    for (size_t i = 0, end = handoff_row_end(server->handoff); i < end; i++) {
        if (i != server->row_number && atomic_load(&server->handoff->board->rows[i].is_serving) != 0)
            return true;
    }
    return false;
}

/* Whether a connection that nobody has taken is to be kept for a while. */
static bool may_stay(const struct h1_server *server, const struct h1_conn *conn)
{
    int64_t leaving_us = server->loop.now_us - server->leaving_since_us;

    if (h1_server_ends_for_all(server))
        return conn->state == &H1_READING_HEAD && leaving_us < FRESH_US;
    return leaving_us < PATIENCE_US && has_siblings(server);
}

/* Returns whether it is still there and waits. */
static bool part_with(struct h1_conn *conn)
{
    if (conn->state == &H1_LINGERING) /* the client is to read the answer; this ends soon, by its own time limit */
        return false;
    if (!h1_conn_is_quiet(conn)) {
        /* It has been in no epoll set since the last try. */
        if (!conn->is_watched && (conn->state == &H1_IDLE || conn->state == &H1_READING_HEAD))
            h1_conn_make_pending(conn);
        return false;
    }
    if (h1_queue_put_idle(conn) || conn->state == &H1_CLOSED)
        return false;
    if (may_stay(conn->server, conn))
        return true;
    h1_conn_close(conn);
    return false;
}

static void part_with_all(struct h1_server *server)
{
    struct list_node *node, *next;
    bool is_any_left = false;

    for (node = server->conns.head.next; node != &server->conns.head; node = next) {
        next = node->next;
        is_any_left |= part_with(CONTAINER_OF(node, struct h1_conn, conns_node));
    }
    if (is_any_left)
        deadline_set(&server->loop, &server->leave_tries, &server->leave_try);
}

static void try_again(struct deadline *deadline)
{
    part_with_all(CONTAINER_OF(deadline, struct h1_server, leave_try));
}

bool h1_leave_keep(struct h1_conn *conn)
{
    struct h1_server *server = conn->server;

    if (!may_stay(server, conn))
        return false;
    h1_conn_enter_state(conn, &H1_IDLE);
    if (!list_has_node(&server->leave_try.node))
        deadline_set(&server->loop, &server->leave_tries, &server->leave_try);
    return true;
}

void h1_leave_init(struct h1_server *server)
{
    deadline_queue_init(&server->loop, &server->leave_tries, TRY_US, try_again);
}

void h1_leave_begin(struct h1_server *server)
{
    server->leaving_since_us = server->loop.now_us;
    if (h1_server_ends_for_all(server) && server->handoff != NULL)
        h1_accept_rest(server);
    part_with_all(server);
}
