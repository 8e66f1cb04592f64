/* SPDX-License-Identifier: MIT */
#include "h1_driver.h"

#include <errno.h>
#include <stdlib.h>

#include "h1_server_priv.h"
#include "h1_timeout.h"
#include "h1_trust.h"
#include "log.h"

int h1_driver_init(struct h1_driver *driver, struct h1_server *server, int thread)
{
    *driver = (struct h1_driver){.server = server, .thread = thread, .progress = &driver->own_progress};
    if (server->observer->progress_of != NULL && thread >= 0)
        driver->progress = server->observer->progress_of(server->observer->context, thread);
    driver->read_buffer = malloc(READ_BUFFER_BYTES);
    driver->parse = malloc(h1_parse_size(server->settings));
    h1_body_init(&driver->body, server->settings);
    h1_exchange_init(&driver->exchange, server->settings, &server->is_draining);
    if (driver->read_buffer != NULL && driver->parse != NULL)
        return 0;
    h1_driver_fini(driver);
    return -ENOMEM;
}

void h1_driver_fini(struct h1_driver *driver)
{
    free(driver->read_buffer);
    free(driver->parse);
    buf_fini(&driver->replay);
    h1_body_fini(&driver->body);
    h1_exchange_fini(&driver->exchange);
    driver->read_buffer = NULL;
    driver->parse = NULL;
}

void h1_driver_start_exchange(struct h1_driver *driver, struct h1_conn *conn, struct h1_parse *parse,
                              const struct h1_body *body)
{
    uint64_t number = atomic_fetch_add_explicit(&driver->server->request_count, 1, memory_order_relaxed) + 1;

    h1_exchange_start(&driver->exchange, parse, body, h1_trust_endpoints(driver, conn, parse), conn->source.fd,
                      &conn->output, number);
    driver->exchange.base.times.arrived_us = conn->arrived_us;
    driver->exchange.base.progress = driver->progress;
    if (UNLIKELY(driver->server->settings->request_id_header.len > 0))
        driver->exchange.base.request_id = h1_request_id_settle(&driver->request_ids, parse);
}

struct h1_driver *h1_driver_new(struct h1_server *server, int thread)
{
    struct h1_driver *driver = malloc(sizeof(*driver));

    if (driver != NULL && h1_driver_init(driver, server, thread) == 0) {
        h1_timeout_add(server, driver);
        return driver;
    }
    log_error("an app thread could not be set up: out of memory");
    free(driver);
    return NULL;
}

void h1_driver_free(struct h1_driver *driver)
{
    if (driver == NULL)
        return;
    h1_driver_fini(driver);
    free(driver);
}
