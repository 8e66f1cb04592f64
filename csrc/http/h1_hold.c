/* SPDX-License-Identifier: MIT */
#include "h1_hold.h"

#include "h1_conn_priv.h"
#include "h1_server_priv.h"

enum { LONGEST_HOLD_US = 500 };

void h1_hold_prepare(struct h1_server *server, struct h1_driver *driver)
{
    const struct loop *loop = &server->loop;

    driver->exchange.may_hold = driver->is_driving && server->settings->thread_count == 1 &&
                                loop->event_next < loop->event_count && !h1_server_lacks(server, H1_WITHOUT_HOLD);
}

void h1_hold_keep(struct h1_server *server, struct h1_conn *conn)
{
    if (list_is_empty(&server->unsent))
        server->unsent_since_us = server->loop.now_us;
    h1_conn_enter_state(conn, &H1_WRITING);
    if (conn->state == &H1_WRITING)
        list_append(&server->unsent, &conn->waiting_node);
}

void h1_hold_release(struct h1_server *server)
{
    struct list_node *node;

    while ((node = list_pop(&server->unsent)) != NULL) {
        struct h1_conn *conn = CONTAINER_OF(node, struct h1_conn, waiting_node);

        conn->state->on_writable(conn);
    }
}

void h1_hold_finish(struct h1_server *server, struct h1_driver *driver, struct h1_conn *conn)
{
    if (driver->is_driving && !list_is_empty(&server->unsent) &&
        server->loop.now_us - server->unsent_since_us >= LONGEST_HOLD_US)
        h1_hold_release(server);
    if (!driver->is_driving && driver->exchange.is_held) {
        (void)h1_output_drain(&conn->output, conn->source.fd);
        driver->exchange.is_held = false;
    }
    conn->is_held = driver->exchange.is_held;
}

void h1_hold_release_running(struct h1_server *server)
{
    struct h1_conn *conn = server->only_driver != NULL ? atomic_load(&server->only_driver->running) : NULL;

    h1_hold_release(server);
    /* It cannot go away: only whoever drives frees a connection. */
    if (conn != NULL && h1_output_drain(&conn->output, conn->source.fd) == IO_MORE)
        h1_conn_make_pending(conn);
}
