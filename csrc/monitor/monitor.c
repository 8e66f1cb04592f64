/* SPDX-License-Identifier: MIT */
#include "monitor.h"

#include <stdlib.h>

#include "clock.h"
#include "exchange.h"
#include "h1_server.h"
#include "health.h"
#include "log.h"
#include "monitor_metrics.h"
#include "monitor_answers.h"
#include "scoreboard.h"

enum {
    LINE_BYTES = 8190,
    HEAD_BYTES = 32768,
    FIELDS = 100,
    BODY_BYTES = 65536,           /* nobody needs any */
    RESPONSE_BYTES = 16 << 20,    /* for a client that is slow to take it: nobody else waits for it */
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

struct control {
    const struct monitor_task *task;
    struct h1_server *server;
};

static void on_control(void *context, int fd)
{
    const struct control *control = context;
    const struct monitor_task *task = control->task;

    if (task->goes_on != NULL && task->goes_on(task->context))
        return;
    h1_server_unwatch(control->server, fd);
    h1_server_drain(control->server);
}

static void serve(struct h1_server *server, struct h1_driver *driver, struct monitor_answers *answers)
{
    struct exchange *exchange;

    while ((exchange = h1_server_next(server, driver)) != NULL) {
        monitor_answers_serve(answers, exchange);
        h1_server_finish(server, driver);
    }
}

static int run(const struct monitor_task *task, struct h1_server *server)
{
    struct monitor_answers answers;
    struct h1_driver *driver;

    if (monitor_answers_init(&answers, task) < 0) {
        log_error("the monitor could not be set up: out of memory");
        return EXIT_FAILURE;
    }
    driver = h1_driver_new(server, 0);
    if (driver != NULL)
        serve(server, driver, &answers);
    monitor_answers_fini(&answers);
    h1_driver_free(driver);
    return driver != NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}

int monitor_serve(const struct monitor_task *task)
{
    const struct h1_place place = {.listeners = task->listeners, .listener_count = task->listener_count};
    struct h1_server *server = h1_server_new(&SETTINGS, &place, &OBSERVER);
    struct control control = {.task = task, .server = server};
    int exit_status = EXIT_FAILURE;

    if (server == NULL)
        return EXIT_FAILURE;
    if (h1_server_watch(server, task->control_fd, on_control, &control) == 0)
        exit_status = run(task, server);
    h1_server_free(server);
    return exit_status;
}
