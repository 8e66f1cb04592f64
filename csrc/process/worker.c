/* SPDX-License-Identifier: MIT */
#include "worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access_log.h"
#include "child.h"
#include "clock.h"
#include "config.h"
#include "fd.h"
#include "fork_guard.h"
#include "log.h"
#include "log_reopen.h"
#include "notice.h"
#include "orphan.h"
#include "role_signals.h"
#include "scoreboard.h"
#include "worker_priv.h"
#include "worker_settings.h"
#include "worker_stacks.h"
#include "worker_threads.h"
#include "worker_timeouts.h"

enum { ERROR_BYTES = 1024 };

/* --- Being told to serve, and to end --- */

static void drain(struct worker *worker)
{
    bool becomes_orphan = !worker->is_orphan && notice_is_abandoned(worker->birth.control_fd);

    if (becomes_orphan)
        h1_server_abandon(worker->server);
    h1_server_drain(worker->server);
    /* Behind it: then it has accepted what it will. */
    atomic_store(&worker->row->state, WORKER_DRAINING);
    if (becomes_orphan) {
        worker->is_orphan = true;
        orphan_begin(worker->inherit);
    }
    if (atomic_load(&worker->inherit->scoreboard->totals->is_stopping) != 0)
        notice_poke(worker->birth.control_fd, worker->birth.number, worker->birth.serial);
}

/* The master has told this worker to serve, or has opened the logs again, or wants it to end, or has died. */
static void on_control(void *context, int fd)
{
    struct worker *worker = context;
    struct notice_logs logs;

    switch (notice_take_word(fd, &logs)) {
    case NOTICE_GO:
        atomic_fetch_add(&worker->row->beats, 1);
        h1_server_let_go(worker->server);
        break;
    case NOTICE_LOGS:
        log_reopen_take(worker->inherit, &logs);
        break;
    case NOTICE_GONE:
        h1_server_unwatch(worker->server, fd);
        drain(worker);
        break;
    case NOTICE_END:
        drain(worker);
        break;
    }
}

static void on_told_by_signal(void *context, int fd)
{
    struct worker *worker = context;

    notice_send(worker->birth.control_fd, NOTICE_DRAINING, worker->birth.number, worker->birth.serial, 0);
    h1_server_unwatch(worker->server, fd);
    drain(worker);
}

static void on_application_signal(void *context, int fd)
{
    struct worker *worker = context;

    (void)fd;
    worker->ops->run_signal_handlers(worker->gateway);
}

/* --- Set-up --- */

static void NORETURN give_up(const struct worker *worker, int exit_status)
{
    notice_send(worker->birth.control_fd, NOTICE_BOOT_FAILED, worker->birth.number, worker->birth.serial, 0);
    exit(exit_status);
}

static int ask_reload(void *context)
{
    const struct worker *worker = context;

    return notice_ask(worker->birth.control_fd, NOTICE_ASK_RELOAD, worker->birth.number, worker->birth.serial, 0);
}

static struct gateway_place place_of(struct worker *worker)
{
    return (struct gateway_place){
        .worker = worker->birth.number,
        .worker_count = &worker->inherit->scoreboard->totals->worker_count,
        .thread_count = (int)worker->inherit->config->threads,
        .generation = worker->birth.generation,
        .app_metrics = worker->inherit->app_metrics,
        .ask_reload = ask_reload,
        .context = worker,
    };
}

static void open_access_log(struct worker *worker)
{
    const struct inherit *inherit = worker->inherit;
    char error[ERROR_BYTES];

    if (inherit->access_log_fd < 0 && inherit->access_syslog == NULL)
        return;
    worker->access_log =
        access_log_new(inherit->config->access_logformat, inherit->access_log_fd, error, sizeof(error));
    if (worker->access_log == NULL) {
        log_error("%s", error);
        give_up(worker, EXIT_FAILURE);
    }
    access_log_use_syslog(worker->access_log, inherit->access_syslog);
}

static void open_server(struct worker *worker)
{
    const struct inherit *inherit = worker->inherit;
    const struct h1_place place = {
        .listeners = inherit->listeners,
        .listener_count = inherit->listener_count,
        .handoff = inherit->handoff,
        .row = (size_t)worker->birth.row,
        .counts = &worker->row->connections,
        .is_held = true,
    };

    worker->settings =
        worker_settings(inherit->config, worker->access_log != NULL && access_log_shows_queue(worker->access_log));
    if (!worker_settings_trust(inherit->config, &worker->trusted)) {
        log_error("the server could not be set up: out of memory");
        give_up(worker, EXIT_FAILURE);
    }
    worker->settings.trusted = &worker->trusted;
    worker_health_init(&worker->health, inherit, &worker->birth);
    worker->settings.answerer = inherit->config->health_path ? &worker->health.answerer : NULL;
    worker_observe(worker);
    worker->server = h1_server_new(&worker->settings, &place, &worker->observer);
    if (worker->server == NULL)
        give_up(worker, EXIT_FAILURE);
}

/* --- Being ready --- */

static void say_ready(const struct worker *worker)
{
    notice_send(worker->birth.control_fd, NOTICE_READY, worker->birth.number, worker->birth.serial, 0);
}

static void on_warm(void *context, bool is_warm)
{
    struct worker *worker = context;

    if (is_warm) {
        say_ready(worker);
        return;
    }
    notice_send(worker->birth.control_fd, NOTICE_BOOT_FAILED, worker->birth.number, worker->birth.serial, 0);
    worker->exit_status = CHILD_EXIT_APP;
    h1_server_drain(worker->server);
}

static void warm_up(struct worker *worker)
{
    const struct config_list *paths = &worker->inherit->config->warmup;

    if (paths->count == 0 || warmup_begin(&worker->warmup, paths, worker->server, on_warm, worker) == 0)
        return;
    log_error("the requests of --warmup cannot be made: out of memory or descriptors");
    give_up(worker, EXIT_FAILURE);
}

/* --- Set-up of the rest --- */

static void make_threads(struct worker *worker)
{
    worker->threads =
        worker_threads_new(worker->ops, worker->gateway, worker->server, (int)worker->inherit->config->threads);
    if (worker->threads == NULL)
        give_up(worker, CHILD_EXIT_APP);
}

static bool watch_all(struct worker *worker)
{
    int signal_fd = worker->ops->signal_fd(worker->gateway);

    worker->told_fd = role_signals_become_worker();
    return worker->told_fd >= 0 && h1_server_watch(worker->server, worker->told_fd, on_told_by_signal, worker) == 0 &&
           h1_server_watch(worker->server, worker->birth.control_fd, on_control, worker) == 0 &&
           (signal_fd < 0 || h1_server_watch_from(worker->server, worker_threads_main_driver(worker->threads),
                                                  signal_fd, on_application_signal, worker) == 0);
}

static void open_stacks(struct worker *worker)
{
    const struct worker_stacks_place place = {
        .ops = worker->ops,
        .gateway = worker->gateway,
        .server = worker->server,
        .scoreboard = worker->inherit->scoreboard,
        .row = worker->birth.row,
    };

    if (worker->ops->stacks_fd == NULL)
        return;
    worker->stacks = worker_stacks_open(&place);
    if (worker->stacks == NULL)
        give_up(worker, EXIT_FAILURE);
}

/* A request does not end. */
static bool on_stuck(void *context)
{
    const struct worker *worker = context;

    return notice_ask_recycle(worker->birth.control_fd, worker->birth.number, worker->birth.serial,
                              RESTART_REQUEST_TIMEOUT);
}

static void on_hopeless(void *context)
{
    const struct worker *worker = context;

    notice_send(worker->birth.control_fd, NOTICE_STUCK, worker->birth.number, worker->birth.serial, 0);
}

static void open_timeouts(struct worker *worker)
{
    const struct worker_timeouts_place place = {
        .config = worker->inherit->config,
        .server = worker->server,
        .threads = worker->threads,
        .stacks = worker->stacks,
        .scoreboard = worker->inherit->scoreboard,
        .row = worker->birth.row,
        .context = worker,
        .on_stuck = on_stuck,
        .on_hopeless = on_hopeless,
    };

    if (worker->inherit->config->request_timeout_ms == 0)
        return;
    worker->timeouts = worker_timeouts_open(&place);
    if (worker->timeouts == NULL)
        give_up(worker, EXIT_FAILURE);
}

static void set_up(struct worker *worker)
{
    open_access_log(worker);
    open_server(worker);
    make_threads(worker);
    open_stacks(worker);
    open_timeouts(worker);
    if (!watch_all(worker)) {
        log_error("the worker's own descriptors cannot be watched");
        give_up(worker, EXIT_FAILURE);
    }
    warm_up(worker);
    if (worker_threads_start(worker->threads) < 0)
        give_up(worker, EXIT_FAILURE);
}

/* --- Life --- */

static void tear_down(struct worker *worker)
{
    warmup_fini(&worker->warmup);
    worker_threads_free(worker->threads);
    h1_server_free(worker->server);
    worker_timeouts_close(worker->timeouts);
    worker_stacks_close(worker->stacks);
    access_log_free(worker->access_log);
    cidr_list_fini(&worker->trusted);
    worker->ops->stop(worker->gateway);
    fd_close(&worker->told_fd);
    fd_close(&worker->birth.control_fd);
}

/* From a loaded application to the end. */
static void NORETURN live(struct worker *worker)
{
    set_up(worker);
    if (worker->inherit->config->warmup.count == 0)
        say_ready(worker);
    worker_threads_serve(worker->threads);
    atomic_store(&worker->row->has_finished, 1);
    tear_down(worker);
    exit(worker->exit_status);
}

static void guard(const struct worker *worker)
{
    if (fork_guard_arm(worker->inherit) == 0)
        return;
    log_error("out of memory");
    give_up(worker, EXIT_FAILURE);
}

static struct worker worker_of(const struct inherit *inherit, const struct birth *birth)
{
    struct worker worker = {
        .inherit = inherit,
        .ops = inherit->gateway_ops,
        .birth = *birth,
        .pid = getpid(),
        .row = scoreboard_row(inherit->scoreboard, birth->row),
        .warmup.fd = -1,
        .told_fd = -1,
    };

    worker_limits_init(&worker.limits, inherit->config, birth);
    /* First of all: by its pid in this row the master knows whom it has reaped. */
    scoreboard_enter_row(inherit->scoreboard, birth->row, birth->number, birth->generation, clock_now_us());
    return worker;
}

void worker_run(const struct inherit *inherit, const struct birth *birth)
{
    struct worker worker = worker_of(inherit, birth);
    struct gateway_place place = place_of(&worker);

    child_enter(inherit, birth);
    guard(&worker);
    child_tie(birth);
    worker.gateway = worker.ops->start(inherit->config, &place);
    if (worker.gateway == NULL)
        give_up(&worker, CHILD_EXIT_APP);
    child_untie();
    live(&worker);
}

void worker_run_hatched(const struct inherit *inherit, const struct birth *birth, struct gateway *gateway)
{
    struct worker worker = worker_of(inherit, birth);
    struct gateway_place place = place_of(&worker);

    child_hatch(inherit, birth);
    guard(&worker);
    worker.gateway = gateway;
    worker.ops->after_fork_child(gateway, &place);
    live(&worker);
}
