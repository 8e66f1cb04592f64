/* SPDX-License-Identifier: MIT
 * The table of operations of the Python gateway. check runs in the master (without an interpreter); all else in a
 * worker or in the zygote. Outside of these functions no thread holds the GIL. */
#include "python_gateway.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app.h"
#include "app_thread.h"
#include "clock.h"
#include "clutch_hooks.h"
#include "clutch_metrics.h"
#include "clutch_module.h"
#include "config.h"
#include "log.h"
#include "python_gateway_priv.h"
#include "runtime.h"
#include "stray.h"
#include "uwsgi_module.h"
#include "venv.h"
#include "wsgi.h"
#include "zygote.h"

enum { PATH_BYTES = 4096, MESSAGE_BYTES = 8192 };

static const char *version(void)
{
    return "CPython " PY_VERSION;
}

static int check_venv(const struct config *config)
{
    static const struct venv_release release = {PY_MAJOR_VERSION, PY_MINOR_VERSION};
    char own[PATH_BYTES], directory[PATH_BYTES], error[MESSAGE_BYTES];
    struct venv venv = venv_find(config->venv, own, sizeof(own));
    int result;

    if (venv.directory == NULL)
        return 0;
    result = venv_resolve(venv.directory, config->chdir, directory, sizeof(directory));
    if (result < 0)
        snprintf(error, sizeof(error), "%s (%s) is not a virtual environment: %s", venv.directory, venv.source,
                 strerror(-result));
    if (result == 0 && venv_is_usable(&venv, directory, release, error, sizeof(error)))
        return 0;
    log_error("%s", error);
    return -1;
}

static int check_file(const struct config *config)
{
    char path[PATH_BYTES];
    int result = config->app.file != NULL ? venv_resolve(config->app.file, config->chdir, path, sizeof(path)) : 0;

    if (result == 0)
        return 0;
    log_error("application '%s': file '%s': %s", config->app.given, config->app.file, strerror(-result));
    return -1;
}

/* A built-in module comes before all that lies on sys.path. */
static int check_module(const struct config *config)
{
    static const char own[] = "clutch";
    const char *module = config->app.module;

    if (module == NULL || strncmp(module, own, sizeof(own) - 1) != 0 ||
        (module[sizeof(own) - 1] != '\0' && module[sizeof(own) - 1] != '.'))
        return 0;
    log_error("application '%s': the module '%s' is the server's own (import clutch); give the application's another "
              "name, or name its file, as in ./clutch.py",
              config->app.given, own);
    return -1;
}

static int check(const struct config *config)
{
    int result = check_venv(config);

    return check_file(config) < 0 || check_module(config) < 0 ? -1 : result;
}

/* Requires the GIL. */
static int prepare(struct gateway *gateway)
{
    if (errors_init(&gateway->errors) < 0 || names_init(&gateway->names) < 0 ||
        log_streams_init(&gateway->streams) < 0 || signals_init(&gateway->signals) < 0 ||
        wsgi_files_init(&gateway->files) < 0 || runtime_show_crashes() < 0 ||
        (gateway->early_hints = clutch_module_get("early_hints")) == NULL ||
        (gateway->request_timeout = clutch_module_get("RequestTimeout")) == NULL) {
        errors_log(&gateway->errors, "the gateway cannot be set up");
        return -1;
    }
    return 0;
}

static int load(struct gateway *gateway)
{
    if (app_set_search_path(gateway->config, &gateway->errors) < 0)
        return -1;
    gateway->app = app_load(gateway->config, &gateway->names, &gateway->errors);
    return gateway->app != NULL ? 0 : -1;
}

static void note_main_thread(struct gateway *gateway)
{
    gateway->main_thread = pthread_self();
    pthread_sigmask(SIG_SETMASK, NULL, &gateway->signal_mask);
}

static struct gateway *start(const struct config *config, const struct gateway_place *place)
{
    struct gateway *gateway = calloc(1, sizeof(*gateway));
    int64_t started_us = clock_now_us();
    int result;

    if (gateway == NULL) {
        log_error("out of memory");
        return NULL;
    }
    gateway->config = config;
    gateway->place = *place;
    note_main_thread(gateway);
    if (stray_watch() < 0 || clutch_module_register(gateway) < 0 ||
        (config->uwsgi_module && uwsgi_module_register() < 0)) {
        log_error("out of memory");
        free(gateway);
        return NULL;
    }
    gateway->signals = (struct signals){.ends = {-1, -1}};
    gateway->stacks = (struct python_stacks){.ends = {-1, -1}};
    if (runtime_start(config) < 0) {
        free(gateway);
        return NULL;
    }
    result = prepare(gateway) == 0 ? load(gateway) : -1;
    stray_end_if_here(gateway);
    log_streams_flush(&gateway->streams);
    stray_end_if_here(gateway);
    if (result == 0)
        log_info("application %s ready in %lld ms (CPython %s, GIL enabled)", config->app.given,
                 (long long)((clock_now_us() - started_us) / 1000), runtime_release());
    gateway->main_state = runtime_leave();
    /* After a failure the interpreter is left as it is: ending it would wait for threads that the application may have
     * started. */
    return result == 0 ? gateway : NULL;
}

static void freeze(struct gateway *gateway)
{
    runtime_enter(gateway->main_state);
    log_streams_flush(&gateway->streams);
    zygote_freeze(&gateway->errors);
    stray_end_if_here(gateway);
    gateway->main_state = runtime_leave();
}

static void before_fork(struct gateway *gateway)
{
    runtime_enter(gateway->main_state);
    clutch_hooks_run(gateway, CLUTCH_BEFORE_FORK);
    log_streams_flush(&gateway->streams);
    stray_end_if_here(gateway);
    PyOS_BeforeFork();
}

static void after_fork_parent(struct gateway *gateway)
{
    PyOS_AfterFork_Parent();
    stray_end_if_here(gateway);
    gateway->main_state = runtime_leave();
}

static void after_fork_child(struct gateway *gateway, const struct gateway_place *place)
{
    stray_adopt();
    PyOS_AfterFork_Child();
    gateway->place = *place;
    note_main_thread(gateway);
    log_streams_adopt(&gateway->streams);
    if (signals_renew(&gateway->signals) < 0)
        errors_log(&gateway->errors, "signal handlers of the application will not run while the worker is idle");
    clutch_metrics_adopt();
    gateway->has_fork_failed = clutch_hooks_run(gateway, CLUTCH_AFTER_FORK) < 0;
    stray_end_if_here(gateway);
    gateway->main_state = runtime_leave();
}

static void ready(struct gateway *gateway)
{
    runtime_enter(gateway->main_state);
    clutch_hooks_run(gateway, CLUTCH_ON_READY);
    stray_end_if_here(gateway);
    gateway->main_state = runtime_leave();
}

static int gil_waiters(const struct gateway *gateway)
{
    return atomic_load_explicit(&gateway->gil_waiters, memory_order_relaxed);
}

static int signal_fd(const struct gateway *gateway)
{
    return gateway->signals.ends[0];
}

static void run_signal_handlers(struct gateway *gateway)
{
    runtime_enter(gateway->main_state);
    signals_run_handlers(&gateway->signals, &gateway->errors);
    stray_end_if_here(gateway);
    gateway->main_state = runtime_leave();
}

static int stacks_fd(const struct gateway *gateway)
{
    return gateway->stacks.ends[0];
}

static void ask_stacks(struct gateway *gateway, bool at_once)
{
    python_stacks_want(&gateway->stacks);
    if (at_once || watchdog_call(gateway) < 0)
        python_stacks_force(&gateway->stacks);
}

static bool are_stacks_done(struct gateway *gateway)
{
    return python_stacks_is_done(&gateway->stacks);
}

static bool drop_stacks(struct gateway *gateway)
{
    return python_stacks_drop(&gateway->stacks);
}

static void stop(struct gateway *gateway)
{
    runtime_enter(gateway->main_state);
    watchdog_stop(gateway);
    python_stacks_close(&gateway->stacks);
    if (gateway->has_begun)
        clutch_hooks_run(gateway, CLUTCH_ON_WORKER_STOP);
    clutch_module_fini();
    Py_CLEAR(gateway->early_hints);
    Py_CLEAR(gateway->request_timeout);
    Py_CLEAR(gateway->app);
    signals_fini(&gateway->signals);
    wsgi_files_fini(&gateway->files);
    log_streams_flush(&gateway->streams);
    log_streams_clear(&gateway->streams);
    errors_fini(&gateway->errors);
    names_fini(&gateway->names);
    runtime_stop();
    log_streams_fini(&gateway->streams);
    free(gateway);
}

const struct gateway_ops python_gateway = {
    .name = "wsgi",
    .version = version,
    .check = check,
    .start = start,
    .freeze = freeze,
    .before_fork = before_fork,
    .after_fork_parent = after_fork_parent,
    .after_fork_child = after_fork_child,
    .start_thread = app_thread_start,
    .stop_thread = app_thread_stop,
    .ready = ready,
    .serve = wsgi_serve,
    .gil_waiters = gil_waiters,
    .signal_fd = signal_fd,
    .run_signal_handlers = run_signal_handlers,
    .interrupt = interrupt_ask,
    .stacks_fd = stacks_fd,
    .stacks_ask = ask_stacks,
    .stacks_is_done = are_stacks_done,
    .stacks_drop = drop_stacks,
    .stop = stop,
};
