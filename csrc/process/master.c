/* SPDX-License-Identifier: MIT */
#include "master.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "app_metrics.h"
#include "banner.h"
#include "child.h"
#include "clock.h"
#include "config.h"
#include "death.h"
#include "fd.h"
#include "generation.h"
#include "handover.h"
#include "listener.h"
#include "listening.h"
#include "liveness.h"
#include "log.h"
#include "log_out.h"
#include "log_reopen.h"
#include "master_priv.h"
#include "pidfile.h"
#include "recycle.h"
#include "refusals.h"
#include "scale.h"
#include "scoreboard.h"
#include "role_signals.h"
#include "surroundings.h"
#include "text.h"
#include "trust.h"
#include "upgrade.h"

enum {
    SPARE_SEATS = 8,
    ERROR_BYTES = 1024,
    REFUSALS_BYTES = 1024,
    OTHER_FILES = 64,
    OTHER_WATCHED = 6,
    LISTENERS_END_US = 1000000,
};

/* --- Set-up --- */

static int fail(struct master *master, int exit_status, const char *error)
{
    log_critical("%s", error);
    master->exit_status = exit_status;
    return -1;
}

static int open_access_log(struct master *master, char *error)
{
    const struct config *config = master->config;

    if (config->access_logfile == NULL)
        return 0;
    if (log_syslog_is_meant(config->access_logfile)) {
        master->inherit.access_syslog = &master->access_syslog;
        return surroundings_open_syslog(&master->access_syslog, "--access-logfile", config->access_logfile, error,
                                        ERROR_BYTES) < 0
                   ? fail(master, EXIT_FAILURE, error)
                   : 0;
    }
    master->inherit.access_log_fd =
        surroundings_open_log("--access-logfile", config->access_logfile, STDOUT_FILENO, error, ERROR_BYTES);
    if (master->inherit.access_log_fd < 0)
        return fail(master, EXIT_FAILURE, error);
    if (master->inherit.access_syslog != NULL)
        log_syslog_close(&master->access_syslog);
    if (master->inherit.access_log_fd > STDERR_FILENO)
        log_out_open(master->inherit.access_log_fd, "the access log");
    return 0;
}

static int settle_privileges(struct master *master, char *error)
{
    if (privileges_of_config(&master->privileges, master->config, error, ERROR_BYTES) < 0)
        return fail(master, EXIT_FAILURE, error);
    privileges_announce(&master->privileges);
    if (sandbox_prepare(&master->sandbox, master->config, error, ERROR_BYTES) < 0)
        return fail(master, EXIT_FAILURE, error);
    sandbox_announce(&master->sandbox);
    return 0;
}

/* More workers may come than there are at the start (TTIN), each with a successor: what is allowed of that. */
static void allow_more_files(const struct master *master, uint64_t of_one)
{
    uint64_t most = of_one * (uint64_t)crew_row_count((int)master->config->workers) + OTHER_FILES;
    uint64_t allowed = surroundings_allow_files(most);

    if (allowed > 0)
        (void)!surroundings_allow_files(allowed);
}

/* Each worker has a channel here (at its start its other end for a moment), and one of the zygote's its pid. During a
 * reload there are twice as many. */
static int allow_files(struct master *master, char *error)
{
    uint64_t of_one = master->config->preload ? 2 : 1, of_workers = (uint64_t)master->config->workers * of_one;
    uint64_t wanted = of_workers + master->config->bind.count + OTHER_FILES;
    uint64_t allowed = surroundings_allow_files(wanted + of_workers);

    if (allowed == 0)
        allow_more_files(master, of_one);
    if (allowed == 0)
        return 0;
    if (allowed >= wanted && surroundings_allow_files(allowed) == 0) {
        log_warning("the limit on open files, %llu, leaves no room for a reload of --workers %d, which needs %llu "
                    "(ulimit -n)",
                    (unsigned long long)allowed, (int)master->config->workers,
                    (unsigned long long)(wanted + of_workers));
        return 0;
    }
    snprintf(error, ERROR_BYTES, "--workers %d needs %llu open files; the limit is %llu (ulimit -n)",
             (int)master->config->workers, (unsigned long long)wanted, (unsigned long long)allowed);
    return fail(master, EXIT_FAILURE, error);
}

static int open_shared(struct master *master, char *error)
{
    const struct config *config = master->config;
    int rows = crew_row_count((int)config->workers);
    int result = crew_init(&master->crew, rows, config->preload);

    if (result == 0) {
        master->watched = calloc(crew_size(&master->crew) + OTHER_WATCHED, sizeof(*master->watched));
        master->scoreboard = scoreboard_new(rows, (int)config->threads);
        result = master->watched == NULL || master->scoreboard == NULL ? -errno : 0;
    }
    if (result == 0 && config->app_metrics_bytes > 0) {
        /* For all whom the crew ever holds at once, and some children of the application's. */
        master->app_metrics = app_metrics_new((size_t)config->app_metrics_bytes,
                                              (int)crew_size(&master->crew) + (int)config->workers + SPARE_SEATS);
        result = master->app_metrics == NULL ? -errno : 0;
    }
    if (result == 0)
        result = handover_open_queue(master, (size_t)rows);
    if (result == 0) {
        generation_begin(master);
        master->signal_fd = role_signals_open();
        result = master->signal_fd < 0 ? master->signal_fd : 0;
    }
    if (result == 0)
        return 0;
    snprintf(error, ERROR_BYTES, "cannot set up what %d workers with %d threads each are to share: %s",
             (int)config->workers, (int)config->threads, strerror(-result));
    return fail(master, EXIT_FAILURE, error);
}

static int write_pidfile(struct master *master, char *error)
{
    if (master->config->pid == NULL || handover_is_pending(master)) /* then it still names the other one */
        return 0;
    if (pidfile_write(master->config->pid, error, ERROR_BYTES) < 0)
        return fail(master, EXIT_FAILURE, error);
    master->has_pidfile = true;
    return 0;
}

static void fill_inheritance(struct master *master)
{
    struct inherit *inherit = &master->inherit;

    atomic_store(&master->scoreboard->totals->began_us, master->began_us);
    atomic_store(&master->scoreboard->totals->began_wall_us, clock_wall_us() - (clock_now_us() - master->began_us));
    atomic_store(&master->scoreboard->totals->generation, master->generation);

    inherit->config = master->config;
    inherit->gateway_ops = master->gateway_ops;
    inherit->privileges = &master->privileges;
    inherit->sandbox = &master->sandbox;
    inherit->scoreboard = master->scoreboard;
    inherit->app_metrics = master->app_metrics;
    inherit->handoff = &master->handoff;
    inherit->listeners = master->listeners;
    inherit->listener_count = master->listener_count;
}

static void announce_mode(const struct master *master)
{
    int count = (int)master->config->workers, threads = (int)master->config->threads;

    log_info(
        "mode: %d worker%s x %d thread%s, each worker with its own interpreter and GIL; the application is loaded %s",
        count, count == 1 ? "" : "s", threads, threads == 1 ? "" : "s",
        master->config->preload ? "once and shared by fork" : "in every worker");
}

static int set_up(struct master *master)
{
    char error[ERROR_BYTES], banner[BANNER_BYTES];

    log_info("%s, master pid %d", banner_format(banner, master->gateway_ops), (int)getpid());
    prctl(PR_SET_NAME, "clutch: master");
    if (handover_begin(master, error, sizeof(error)) < 0)
        return fail(master, EXIT_FAILURE, error);
    if (settle_privileges(master, error) < 0 || allow_files(master, error) < 0 || open_access_log(master, error) < 0 ||
        open_shared(master, error) < 0)
        return -1;
    /* The workers that the zygote forks are to be our children. */
    if (master->config->preload && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return fail(master, EXIT_FAILURE, "--preload: this kernel has no child subreapers");
    announce_mode(master);
    if (write_pidfile(master, error) < 0)
        return -1;
    if (listening_open_all(master, error, sizeof(error)) < 0)
        return fail(master, EXIT_FAILURE, error);
    handover_settle(master);
    if (watch_open(&master->watch, master->config, error, sizeof(error)) < 0)
        return fail(master, EXIT_FAILURE, error);
    trust_announce(master->config, master->listeners, master->listener_count);
    oom_begin(&master->oom, "");
    fill_inheritance(master);
    return 0;
}

/* --- Loop --- */

static void end_listeners(struct master *master)
{
    for (size_t i = 0; i < master->listener_count; i++)
        listener_end(&master->listeners[i]);
}

/* From now on /readyz says 503, and nothing else has changed; but no other master takes over what is to end. */
static void delay_drain(struct master *master, int signal_number)
{
    int64_t delay_ms = master->config->drain_delay_ms;

    master->drain_us = clock_now_us() + delay_ms * 1000;
    log_info("stopping in %g s (--drain-delay): %s", (double)delay_ms / 1e3, death_signal_name(signal_number));
    upgrade_stop(master);
}

static void stop(struct master *master, int signal_number)
{
    bool is_quick = signal_number == SIGQUIT || master->phase != MASTER_RUNNING;
    bool was_told = master->is_told_to_stop;

    generation_stop_begin(master);
    master->is_told_to_stop = true;
    atomic_store(&master->scoreboard->totals->is_stopping, 1);
    /* Who waits for an old master has no balancer to tell, and is not to take over meanwhile. */
    if (!is_quick && !was_told && master->config->drain_delay_ms > 0 && !handover_is_pending(master)) {
        delay_drain(master, signal_number);
        return;
    }
    master->drain_us = SLOT_NEVER;
    /* Before the first of them ends: what it would leave to its siblings they will not do either. */
    atomic_store(&master->handoff.board->is_stopping, 1);
    log_info("stopping%s: %s", is_quick ? " at once" : "", death_signal_name(signal_number));
    if (is_quick)
        supervise_kill_all(master);
    else
        supervise_drain_all(master);
    generation_stop(master);
    upgrade_stop(master);
    if (is_quick)
        end_listeners(master);
    else
        master->listeners_end_us = clock_now_us() + LISTENERS_END_US;
}

static bool is_accepting(const struct master *master)
{
    for (int row = 0, end = scoreboard_row_end(master->scoreboard); row < end; row++) {
        if (atomic_load(&scoreboard_row(master->scoreboard, row)->state) == WORKER_READY)
            return true;
    }
    return false;
}

/* Closing the listeners cuts off whoever waits to be accepted: the workers take these in first, when they are told to
 * end. One that is not able to is not waited for. */
static void end_listeners_in_time(struct master *master)
{
    if (master->listeners_end_us == SLOT_NEVER || (is_accepting(master) && clock_now_us() < master->listeners_end_us))
        return;
    master->listeners_end_us = SLOT_NEVER;
    end_listeners(master);
}

static void read_signals(struct master *master)
{
    int number;

    while ((number = role_signals_next(master->signal_fd)) != 0) {
        if (upgrade_take_signal(master, number))
            continue;
        if (number == SIGCHLD)
            supervise_reap(master);
        else if (number == SIGHUP)
            generation_ask_reload(master);
        else if (number == SIGTTIN || number == SIGTTOU)
            scale_ask(master, number == SIGTTIN ? 1 : -1);
        else if (number == SIGUSR1)
            log_reopen(master);
        else
            stop(master, number);
    }
}

static void reload_after_change(struct master *master)
{
    char name[4 * WATCH_NAME_BYTES + 1];

    watch_read(&master->watch);
    if (!watch_take(&master->watch, clock_now_us()))
        return;
    text_escape(name, sizeof(name), slice_of_string(master->watch.changed));
    log_info("%s has changed", name);
    generation_ask_reload(master);
}

static void give_up_when_hopeless(struct master *master)
{
    /* An upgrade that is under way may bring what is missing; if it fails, there is nothing left to wait for. */
    if (master->awaits_change || master->phase != MASTER_RUNNING || master->coming != 0 || upgrade_is_running(master) ||
        !crew_is_hopeless(&master->crew, master->generation))
        return;
    if (master->config->reload) {
        generation_await_change(master);
        return;
    }
    log_critical("no worker could be started with the application '%s': giving up; the reasons are above",
                 master->config->app.given);
    master->exit_status = CHILD_EXIT_APP;
    supervise_kill_all(master);
}

static void end_drain_delay(struct master *master)
{
    if (clock_now_us() < master->drain_us)
        return;
    stop(master, SIGTERM);
}

static int64_t next_us(const struct master *master)
{
    const int64_t all[] = {crew_next_us(&master->crew, master->phase == MASTER_RUNNING),
                           monitor_keeper_next_us(master),
                           master->drain_us,
                           recycle_next_us(master),
                           generation_next_us(master),
                           handover_next_us(master),
                           upgrade_next_us(master),
                           service_next_us(master),
                           watch_next_us(&master->watch),
                           liveness_next_us(master),
                           log_reopen_next_us(master),
                           master->listeners_end_us};
    int64_t first = SLOT_NEVER;

    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        first = all[i] < first ? all[i] : first;
    return first;
}

/* Waits for signals and notices, or until something is due. */
static void wait_for_events(struct master *master)
{
    int64_t due_us = next_us(master), wait_ms = -1;
    nfds_t count = 0;

    master->watched[count++] = (struct pollfd){.fd = master->signal_fd, .events = POLLIN};
    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot))
        master->watched[count++] = (struct pollfd){.fd = slot->control_fd, .events = POLLIN};
    master->watched[count++] = (struct pollfd){.fd = master->monitor.slot.control_fd, .events = POLLIN};
    master->watched[count++] = (struct pollfd){.fd = master->watch.fd, .events = POLLIN};
    master->watched[count++] = (struct pollfd){.fd = handover_watched_fd(master), .events = POLLIN};
    master->watched[count++] = (struct pollfd){.fd = upgrade_watched_fd(master), .events = POLLIN};
    if (due_us != SLOT_NEVER) {
        wait_ms = (due_us - clock_now_us() + 999) / 1000;
        wait_ms = wait_ms < 0 ? 0 : wait_ms > 3600000 ? 3600000 : wait_ms;
    }
    poll(master->watched, count, (int)wait_ms);
}

static void supervise(struct master *master)
{
    while (master->phase == MASTER_RUNNING || !crew_is_empty(&master->crew)) {
        atomic_store_explicit(&master->scoreboard->totals->master_beat_us, clock_now_us(), memory_order_relaxed);
        spawn_due(master);
        monitor_keeper_start_due(master);
        wait_for_events(master);
        /* Notices first: they are older than the death of who sent them. */
        hear_children(master);
        read_signals(master);
        reload_after_change(master);
        end_drain_delay(master);
        log_reopen_step(master);
        end_listeners_in_time(master);
        supervise_enforce_deadlines(master, clock_now_us());
        liveness_step(master, clock_now_us());
        generation_step(master);
        give_up_when_hopeless(master);
        upgrade_step(master);
        service_step(master);
    }
    monitor_keeper_end(master);
    upgrade_end(master);
    service_end(master);
}

/* --- End --- */

static void tell_refusals(const struct master *master)
{
    char text[REFUSALS_BYTES];

    if (refusals_describe(master->scoreboard, text, sizeof(text))[0] != '\0')
        log_info("%s", text);
}

static void tear_down(struct master *master)
{
    end_listeners(master);
    free(master->listeners);
    monitor_keeper_fini(&master->monitor);
    if (master->has_pidfile)
        pidfile_remove(master->config->pid);
    crew_fini(&master->crew);
    oom_fini(&master->oom);
    handoff_close(&master->handoff);
    scoreboard_free(master->scoreboard);
    app_metrics_free(master->app_metrics);
    handover_free(master);
    privileges_fini(&master->privileges);
    sandbox_fini(&master->sandbox);
    fd_close(&master->signal_fd);
    fd_close(&master->directory_fd);
    fd_close(&master->coming_directory_fd);
    watch_close(&master->watch);
    free(master->watched);
    if (master->inherit.access_log_fd > STDERR_FILENO) {
        log_out_close(master->inherit.access_log_fd);
        fd_close(&master->inherit.access_log_fd);
    }
}

int master_run(const struct config *config, const struct gateway_ops *gateway_ops, const struct launch *launch)
{
    struct master master = {
        .config = config,
        .gateway_ops = gateway_ops,
        .launch = launch,
        .sandbox = SANDBOX_NONE,
        .access_syslog = {.fd = -1},
        .inherit = {.access_log_fd = -1},
        .handoff = {.take_fd = -1, .give_fd = -1},
        .listeners_end_us = SLOT_NEVER,
        .signal_fd = -1,
        .directory_fd = -1,
        .coming_directory_fd = -1,
        .watch = WATCH_NONE,
        .drain_us = SLOT_NEVER,
        .logs_again_us = SLOT_NEVER,
        .began_us = clock_now_us(),
    };

    monitor_keeper_init(&master.monitor, master.began_us);
    if (set_up(&master) == 0) {
        supervise(&master);
        tell_refusals(&master);
        if (master.exit_status == EXIT_SUCCESS)
            log_info("%s", upgrade_is_over(&master) ? "all of this master's workers have finished" : "stopped");
    }
    tear_down(&master);
    return upgrade_finish(&master, master.exit_status);
}
