/* SPDX-License-Identifier: MIT */
#include "h1_linger.h"

#include <errno.h>
#include <sys/socket.h>

#include "h1_conn_priv.h"
#include "h1_driver.h"
#include "h1_refusal.h"
#include "h1_send.h"
#include "h1_server_priv.h"

enum { DISCARD_LIMIT_READS = 64 };

void h1_linger_discard(struct h1_conn *conn)
{
    for (int i = 0; i < DISCARD_LIMIT_READS; i++) {
        ssize_t got = recv(conn->source.fd, conn->server->driver->read_buffer, READ_BUFFER_BYTES, 0);

        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
            h1_conn_close(conn);
            return;
        }
        if (got < 0 && errno == EAGAIN)
            return;
    }
    h1_conn_close(conn); /* it floods: enough of it */
}

void h1_linger_begin(struct h1_conn *conn)
{
    if (conn->is_ended_by_close)
        h1_send_end_by_reset(conn->source.fd, false);
    shutdown(conn->source.fd, SHUT_WR);
    h1_conn_enter_state(conn, &H1_LINGERING);
    if (conn->state == &H1_LINGERING)
        h1_linger_discard(conn);
}

void h1_conn_part(struct h1_conn *conn)
{
    h1_conn_drop_partial(conn);
    buf_fini(&conn->leftover);
    h1_linger_begin(conn);
}

void h1_conn_refuse(struct h1_conn *conn, const struct h1_parse *parse, struct h1_refusal refusal)
{
    h1_refusal_answer(conn->server->driver, &refusal, &conn->endpoints, parse, conn->source.fd);
    h1_refusal_tell_later(conn->server);
    h1_conn_part(conn);
}
