/* SPDX-License-Identifier: MIT */
#include "h1_answer.h"

#include <stdio.h>
#include <sys/socket.h>

#include "clock.h"
#include "h1_conn_priv.h"
#include "h1_head.h"
#include "h1_server_priv.h"

enum { ANSWER_BYTES = 512 };

static void send_answer(const struct h1_own_answer *own, const struct h1_parse *parse, int socket_fd)
{
    bool is_head_request = slice_equal(parse->request.method, SLICE("HEAD"));
    char bytes[ANSWER_BYTES];
    int len = snprintf(bytes, sizeof(bytes),
                       "HTTP/1.1 %d %s\r\n"
                       "Date: %.*s\r\n"
                       "Server: clutch\r\n"
                       "Content-Type: text/plain; charset=utf-8\r\n"
                       "Content-Length: %zu\r\n"
                       "Cache-Control: no-store\r\n"
                       "Connection: close\r\n"
                       "\r\n"
                       "%s",
                       own->status, h1_head_reason(own->status), CLOCK_HTTP_DATE_BYTES, clock_http_date(),
                       strlen(own->text), is_head_request ? "" : own->text);

    if (len > 0 && (size_t)len < sizeof(bytes))
        (void)!send(socket_fd, bytes, (size_t)len, MSG_NOSIGNAL);
}

bool h1_answer_own(struct h1_conn *conn, const struct h1_parse *parse)
{
    const struct h1_answerer *answerer = conn->server->settings->answerer;
    struct h1_own_answer own;

    if (!answerer->find(answerer->context, &parse->request, &own))
        return false;
    send_answer(&own, parse, conn->source.fd);
    h1_conn_part(conn);
    return true;
}
