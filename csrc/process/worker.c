/* SPDX-License-Identifier: MIT */
#include "worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access_log.h"
#include "child.h"
#include "clock.h"
#include "config.h"
#include "exchange.h"
#include "fd.h"
#include "gateway.h"
#include "h1_server.h"
#include "log.h"
#include "notice.h"
#include "role_signals.h"
#include "scoreboard.h"
#include "worker_settings.h"

enum { ERROR_BYTES = 1024 };

struct worker {
    const struct inherit *inherit;
    const struct gateway_ops *ops;
    struct birth birth;
    pid_t pid;
    struct scoreboard_row *row;
    struct scoreboard_thread *thread_row;
    struct gateway *gateway;       /* owned */
    struct gateway_thread *thread; /* owned */
    struct access_log *access_log; /* owned; NULL: none */
    struct h1_settings settings;
    struct h1_observer observer;
    struct h1_server *server; /* owned */
    int told_fd;              /* owned; readable when a signal told us to end */
};

/* --- Being told to end --- */

static void drain(struct worker *worker, int fd)
{
    h1_server_unwatch(worker->server, fd);
    atomic_store(&worker->row->state, WORKER_DRAINING);
    h1_server_drain(worker->server);
}

/* The master wants this worker to end, or has died. */
static void on_control(void *context, int fd)
{
    drain(context, fd);
}

static void on_told_by_signal(void *context, int fd)
{
    struct worker *worker = context;

    notice_send(worker->inherit->notify_fd, NOTICE_DRAINING, worker->birth.number, worker->birth.serial, 0);
    drain(worker, fd);
}

static void on_application_signal(void *context, int fd)
{
    struct worker *worker = context;

    (void)fd;
    worker->ops->run_signal_handlers(worker->gateway);
}

/* --- Requests --- */

static void on_begin(void *context, const struct exchange *exchange)
{
    struct worker *worker = context;

    scoreboard_begin_request(worker->thread_row, exchange->request->method, exchange->request->target,
                             exchange->endpoints->remote_address, exchange->endpoints->remote_port,
                             exchange->times.taken_us);
}

static void on_end(void *context, const struct exchange *exchange, const struct h1_summary *summary)
{
    struct worker *worker = context;
    uint64_t all_requests = scoreboard_end_request(worker->inherit->scoreboard, worker->thread_row);
    const struct access_log_place place = {
        .pid = worker->pid,
        .worker = worker->birth.number,
        .worker_requests = exchange->number,
        .all_requests = all_requests,
    };

    if (worker->access_log != NULL)
        access_log_write(worker->access_log, exchange, summary, &place);
}

/* --- Set-up --- */

static void NORETURN give_up(const struct worker *worker, int exit_status)
{
    notice_send(worker->inherit->notify_fd, NOTICE_BOOT_FAILED, worker->birth.number, worker->birth.serial, 0);
    exit(exit_status);
}

static struct gateway_place place_of(const struct worker *worker)
{
    return (struct gateway_place){
        .worker = worker->birth.number,
        .worker_count = (int)worker->inherit->config->workers,
        .thread_count = 1,
        .generation = 1,
    };
}

static void open_access_log(struct worker *worker)
{
    const struct inherit *inherit = worker->inherit;
    char error[ERROR_BYTES];

    if (inherit->access_log_fd < 0)
        return;
    worker->access_log =
        access_log_new(inherit->config->access_logformat, inherit->access_log_fd, error, sizeof(error));
    if (worker->access_log == NULL) {
        log_error("%s", error);
        give_up(worker, EXIT_FAILURE);
    }
}

static bool watch_all(struct worker *worker)
{
    int signal_fd = worker->ops->signal_fd(worker->gateway);

    worker->told_fd = role_signals_become_worker();
    return worker->told_fd >= 0 && h1_server_watch(worker->server, worker->told_fd, on_told_by_signal, worker) == 0 &&
           h1_server_watch(worker->server, worker->birth.control_fd, on_control, worker) == 0 &&
           (signal_fd < 0 || h1_server_watch(worker->server, signal_fd, on_application_signal, worker) == 0);
}

static void open_server(struct worker *worker)
{
    const struct inherit *inherit = worker->inherit;

    worker->settings =
        worker_settings(inherit->config, worker->access_log != NULL && access_log_shows_queue(worker->access_log));
    worker->observer = (struct h1_observer){.context = worker, .on_begin = on_begin, .on_end = on_end};
    worker->server = h1_server_new(&worker->settings, inherit->listeners, inherit->listener_count, &worker->observer);
    if (worker->server == NULL)
        give_up(worker, EXIT_FAILURE);
    if (!watch_all(worker)) {
        log_error("the worker's own descriptors cannot be watched");
        give_up(worker, EXIT_FAILURE);
    }
}

/* --- Life --- */

static void serve(struct worker *worker)
{
    struct exchange *exchange;

    atomic_store(&worker->row->state, WORKER_READY);
    notice_send(worker->inherit->notify_fd, NOTICE_READY, worker->birth.number, worker->birth.serial, 0);
    while ((exchange = h1_server_next(worker->server)) != NULL) {
        worker->ops->serve(worker->thread, exchange);
        h1_server_finish(worker->server, exchange);
    }
}

static void tear_down(struct worker *worker)
{
    worker->ops->stop_thread(worker->thread);
    h1_server_free(worker->server);
    access_log_free(worker->access_log);
    worker->ops->stop(worker->gateway);
    fd_close(&worker->told_fd);
    fd_close(&worker->birth.control_fd);
}

/* From a loaded application to the end. */
static void NORETURN live(struct worker *worker)
{
    open_access_log(worker);
    worker->thread = worker->ops->start_thread(worker->gateway);
    if (worker->thread == NULL)
        give_up(worker, CHILD_EXIT_APP);
    open_server(worker);
    serve(worker);
    tear_down(worker);
    exit(EXIT_SUCCESS);
}

static struct worker worker_of(const struct inherit *inherit, const struct birth *birth)
{
    struct worker worker = {
        .inherit = inherit,
        .ops = inherit->gateway_ops,
        .birth = *birth,
        .pid = getpid(),
        .row = scoreboard_row(inherit->scoreboard, birth->number),
        .thread_row = scoreboard_thread(inherit->scoreboard, birth->number, 0),
        .told_fd = -1,
    };

    /* First of all: by its pid in this row the master knows whom it has reaped. */
    scoreboard_enter_row(inherit->scoreboard, birth->number, clock_now_us());
    return worker;
}

void worker_run(const struct inherit *inherit, const struct birth *birth)
{
    struct worker worker = worker_of(inherit, birth);
    struct gateway_place place = place_of(&worker);

    child_enter(inherit, birth);
    worker.gateway = worker.ops->start(inherit->config, &place);
    if (worker.gateway == NULL)
        give_up(&worker, CHILD_EXIT_APP);
    live(&worker);
}

void worker_run_hatched(const struct inherit *inherit, const struct birth *birth, struct gateway *gateway)
{
    struct worker worker = worker_of(inherit, birth);
    struct gateway_place place = place_of(&worker);

    child_set_name(birth->number);
    worker.gateway = gateway;
    worker.ops->after_fork_child(gateway, &place);
    live(&worker);
}
