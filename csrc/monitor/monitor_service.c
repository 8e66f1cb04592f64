/* SPDX-License-Identifier: MIT */
#include "monitor_service.h"

#include "exchange.h"
#include "h1_server.h"

enum {
    LINE_BYTES = 8190,
    HEAD_BYTES = 32768,
    FIELDS = 100,
    BODY_BYTES = 65536,           /* nobody needs any */
    RESPONSE_BYTES = 64 << 20,    /* more than any has, for a client that is slow to take it: nobody waits for it */
    CLIENT_TIMEOUT_US = 10000000, /* of silence */
    KEEP_ALIVE_US = 75000000,
    LEAST_RATE_BYTES = 500,
};

/* One thread that never waits for long: no sentry, no queue. */
static const struct h1_settings SETTINGS = {
    .line_limit_bytes = LINE_BYTES,
    .head_limit_bytes = HEAD_BYTES,
    .field_limit = FIELDS,
    .body_limit_bytes = BODY_BYTES,
    .body_memory_bytes = BODY_BYTES,
    .head_timeout_us = CLIENT_TIMEOUT_US,
    .body_timeout_us = CLIENT_TIMEOUT_US,
    .send_timeout_us = CLIENT_TIMEOUT_US,
    .body_rate_bytes = LEAST_RATE_BYTES,
    .send_rate_bytes = LEAST_RATE_BYTES,
    .response_memory_bytes = RESPONSE_BYTES,
    .keep_alive_us = KEEP_ALIVE_US,
    .thread_count = 1,
    .without = H1_WITHOUT_SENTRY | H1_WITHOUT_HANDOFF | H1_WITHOUT_BALANCE,
};

static void on_begin(void *context, int thread, const struct exchange *exchange)
{
    (void)context;
    (void)thread;
    (void)exchange;
}

static void on_end(void *context, int thread, const struct exchange *exchange, const struct h1_summary *summary)
{
    (void)context;
    (void)thread;
    (void)exchange;
    (void)summary;
}

static const struct h1_observer OBSERVER = {.on_begin = on_begin, .on_end = on_end};

struct running {
    const struct monitor_service *service;
    struct h1_server *server;
};

static void on_control(void *context, int fd)
{
    const struct running *running = context;
    const struct monitor_service *service = running->service;

    if (service->goes_on != NULL && service->goes_on(service->context))
        return;
    h1_server_unwatch(running->server, fd);
    h1_server_drain(running->server);
}

static int serve(const struct monitor_service *service, struct h1_server *server)
{
    struct h1_driver *driver = h1_driver_new(server, 0);
    struct exchange *exchange;

    if (driver == NULL)
        return -1;
    while ((exchange = h1_server_next(server, driver)) != NULL) {
        service->serve(service->context, exchange);
        h1_server_finish(server, driver);
    }
    h1_driver_free(driver);
    return 0;
}

int monitor_service_run(const struct monitor_service *service)
{
    const struct h1_place place = {
        .listeners = service->listeners,
        .listener_count = service->listener_count,
        .is_welcome = service->is_welcome,
        .context = service->context,
    };
    struct h1_server *server = h1_server_new(&SETTINGS, &place, &OBSERVER);
    struct running running = {.service = service, .server = server};
    int result = -1;

    if (server == NULL)
        return -1;
    if (h1_server_watch(server, service->control_fd, on_control, &running) == 0)
        result = serve(service, server);
    h1_server_free(server);
    return result;
}
