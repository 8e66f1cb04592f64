/* SPDX-License-Identifier: MIT
 * The deadline and the app threads: one that takes a request stores OPEN and then looks whether the deadline is set;
 * the deadline, when it is due, is no longer set and then looks for requests that are OPEN. Both in the one order of
 * all sequentially consistent operations, so that no request is without a deadline. */
#include "h1_timeout.h"

#include <stdio.h>
#include <sys/socket.h>

#include "clock.h"
#include "h1_head.h"
#include "h1_request_id.h"
#include "h1_server_priv.h"

enum { ANSWER_BYTES = 512 + H1_REQUEST_ID_FIELD_BYTES };

static void send_504(const struct h1_exchange *x)
{
    static const char text[] = "the application took longer than request-timeout\n";
    char answer[ANSWER_BYTES], id_field[H1_REQUEST_ID_FIELD_BYTES];
    int len;

    h1_request_id_format_field(id_field, x->settings->request_id_header, x->base.request_id);
    len = snprintf(answer, sizeof(answer),
                   "HTTP/1.1 504 %s\r\n"
                   "Date: %.*s\r\n"
                   "Server: clutch\r\n"
                   "Content-Type: text/plain; charset=utf-8\r\n"
                   "Content-Length: %zu\r\n"
                   "%s"
                   "Connection: close\r\n"
                   "\r\n"
                   "%s",
                   h1_head_reason(504), CLOCK_HTTP_DATE_BYTES, clock_http_date(), sizeof(text) - 1, id_field,
                   x->is_head_request ? "" : text);
    (void)!send(x->socket_fd, answer, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(x->socket_fd, SHUT_WR);
}

/* Where only the close ends the response, it must not look like a whole one: a disconnect is a reset. */
static void cut_off(const struct h1_exchange *x)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

    if (!atomic_load(&x->fate.is_ended_by_close) || connect(x->socket_fd, &nobody, sizeof(nobody)) < 0)
        shutdown(x->socket_fd, SHUT_RDWR);
}

static void tell(const struct h1_server *server, const struct h1_driver *driver, enum h1_fate verdict)
{
    struct exchange exchange;
    struct h1_summary summary;

    if (server->observer->on_timeout == NULL)
        return;
    h1_exchange_summarize_running(&driver->exchange, verdict, clock_now_us(), &exchange, &summary);
    server->observer->on_timeout(server->observer->context, driver->thread, &exchange, &summary, verdict);
}

static void judge(struct h1_server *server, struct h1_driver *driver)
{
    struct h1_exchange *x = &driver->exchange;
    enum h1_fate fate = h1_fate_judge(&x->fate, server->loop.now_us), verdict = H1_FATE_LATE;

    if (fate == H1_FATE_NONE)
        return;
    if (fate == H1_FATE_OPEN) {
        send_504(x);
        verdict = H1_FATE_ANSWERED;
    } else if (fate == H1_FATE_SENDING) {
        cut_off(x);
        verdict = H1_FATE_CUT;
    }
    tell(server, driver, verdict);
    h1_fate_decide(&x->fate, verdict);
}

static void set(struct h1_server *server, int64_t delay_us)
{
    atomic_store(&server->is_timeout_set, true);
    server->timeouts.timeout_us = delay_us > 0 ? delay_us : 1;
    deadline_set(&server->loop, &server->timeouts, &server->timeout);
}

static void on_time(struct deadline *deadline)
{
    struct h1_server *server = CONTAINER_OF(deadline, struct h1_server, timeout);
    int64_t next_us = INT64_MAX;

    atomic_store(&server->is_timeout_set, false);
    for (struct h1_driver *driver = atomic_load(&server->drivers); driver != NULL; driver = driver->next) {
        int64_t due_us;

        judge(server, driver);
        due_us = h1_fate_due_us(&driver->exchange.fate);
        if (due_us < next_us)
            next_us = due_us;
    }
    if (next_us != INT64_MAX)
        set(server, next_us - server->loop.now_us);
}

void h1_timeout_arm(struct h1_server *server)
{
    if (atomic_exchange(&server->wants_timeout, false) && !atomic_load(&server->is_timeout_set))
        set(server, server->settings->request_timeout_us);
}

void h1_timeout_expect(struct h1_server *server, struct h1_driver *driver)
{
    int64_t timeout_us = server->settings->request_timeout_us;

    h1_fate_open(&driver->exchange.fate, driver->exchange.base.times.taken_us + timeout_us);
    if (atomic_load(&server->is_timeout_set))
        return;
    if (driver->is_driving) {
        set(server, timeout_us);
        return;
    }
    atomic_store(&server->wants_timeout, true);
    loop_interrupt(&server->loop);
}

void h1_timeout_add(struct h1_server *server, struct h1_driver *driver)
{
    driver->next = atomic_load(&server->drivers);
    while (!atomic_compare_exchange_weak(&server->drivers, &driver->next, driver))
        continue;
}

void h1_timeout_init(struct h1_server *server)
{
    deadline_queue_init(&server->loop, &server->timeouts, 1, on_time);
}
