/* SPDX-License-Identifier: MIT */
#include "listening.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "handover.h"
#include "ids.h"
#include "launch.h"
#include "listener.h"
#include "log.h"
#include "master_priv.h"
#include "socket_file.h"

enum { CONTROL_BACKLOG = 64 };

/* --- From a service manager --- */

static int check_passed(const struct master *master, char *error, size_t size)
{
    if (master->launch == NULL || master->handover != NULL || master->launch->socket_count >= 0)
        return 0;
    snprintf(error, size, "LISTEN_FDS means nothing: expected the number of sockets that were passed");
    return -1;
}

/* The name of socket `index` among the names that were given, which are parted by colons. */
static struct slice name_of(const char *names, int index)
{
    for (; names != NULL && index > 0; index--) {
        names = strchr(names, ':');
        names = names != NULL ? names + 1 : NULL;
    }
    return names != NULL ? slice_of(names, strcspn(names, ":")) : slice_of("", 0);
}

/* What it is for. */
static enum passed_kind kind_of(const struct launch *launch, int index)
{
    return slice_equal(name_of(launch->socket_names, index), SLICE("metrics")) ? PASSED_METRICS : PASSED_BIND;
}

/* A master that takes over is passed them by the old one. */
static size_t count_activated(const struct master *master, enum passed_kind kind)
{
    const struct launch *launch = master->launch;
    size_t count = 0;

    for (int i = 0; launch != NULL && master->handover == NULL && i < launch->socket_count; i++)
        count += kind_of(launch, i) == kind;
    return count;
}

static int open_activated(const struct launch *launch, const struct listening *listening, struct listener *listeners,
                          size_t *count, char *error, size_t size)
{
    for (int i = 0; i < launch->socket_count; i++) {
        struct listener *listener = &listeners[*count];
        struct slice name = name_of(launch->socket_names, i);

        if (kind_of(launch, i) != listening->kind)
            continue;
        if (listener_adopt(listener, LAUNCH_FIRST_SOCKET + i, error, size) < 0)
            return -1;
        ++*count;
        log_info("%s at %s (passed by the service manager%s%.*s)", listening->purpose, listener->url,
                 name.len > 0 ? ": " : "", (int)name.len, name.ptr);
    }
    return 0;
}

static bool is_default(const struct config_list *addresses)
{
    return addresses->count == 1 && strcmp(addresses->items[0], "127.0.0.1:8000") == 0;
}

static void say_unused(const struct listening *listening)
{
    if (listening->addresses->count > 0 && !is_default(listening->addresses))
        log_info("%s is not used: the service manager has passed what to listen at", listening->option);
}

/* --- Of our own --- */

static int open_own(const struct master *master, const struct listening *listening, struct listener *listeners,
                    size_t *count, char *error, size_t size)
{
    for (size_t i = 0; i < listening->addresses->count; i++) {
        struct listener *listener = &listeners[*count];

        if (handover_has_taken(master->handover, listening->kind, listening->addresses->items[i]))
            continue;
        if (listener_open_for(listener, listening->addresses->items[i], listening->access, listening->backlog, error,
                              size) < 0)
            return -1;
        ++*count;
        log_info("%s at %s (backlog %d)", listening->purpose, listener->url, listening->backlog);
    }
    return 0;
}

/* --- All of one kind --- */

/* *listeners and *count are the caller's also after a failure. Those that were passed come first and in their order. */
static int open_kind(struct master *master, const struct listening *listening, struct listener **listeners,
                     size_t *count, char *error, size_t size)
{
    size_t activated = count_activated(master, listening->kind);
    size_t passed = handover_count(master->handover, listening->kind);

    *listeners = calloc(passed + activated + listening->addresses->count, sizeof(**listeners));
    if (*listeners == NULL) {
        snprintf(error, size, "not enough memory");
        return -1;
    }
    if (handover_open(master, listening, *listeners, count, error, size) < 0 ||
        (activated > 0 && open_activated(master->launch, listening, *listeners, count, error, size) < 0))
        return -1;
    if (activated > 0 || handover_is_activated(master->handover, listening->kind)) {
        say_unused(listening);
        return 0;
    }
    return open_own(master, listening, *listeners, count, error, size);
}

/* Whether anything is said of such addresses, here or by a service manager. */
static bool is_wanted(const struct master *master, const struct listening *listening)
{
    return listening->addresses->count > 0 || count_activated(master, listening->kind) > 0 ||
           handover_is_activated(master->handover, listening->kind);
}

/* --- All --- */

static int clamp_backlog(const struct config *config)
{
    int longest = listener_longest_backlog();

    if (config->backlog <= longest)
        return (int)config->backlog;
    log_warning("--backlog %d is more than the kernel allows: %d is used (net.core.somaxconn)", (int)config->backlog,
                longest);
    return longest;
}

static int open_control(struct master *master, char *error, size_t size)
{
    struct listener *control = &master->monitor.control;
    const char *address = master->config->control_socket;
    int result = handover_open_one(master, PASSED_CONTROL, address, control, error, size);

    if (result != 0)
        return result < 0 ? -1 : 0;
    if (listener_open_local(control, address, CONTROL_BACKLOG, error, size) < 0)
        return -1;
    log_info("control at %s", control->url);
    return 0;
}

int listening_open_all(struct master *master, char *error, size_t size)
{
    const struct config *config = master->config;
    struct monitor_keeper *monitor = &master->monitor;
    struct socket_file_access access = SOCKET_FILE_ACCESS_DEFAULT;
    struct listening server = {.kind = PASSED_BIND,
                               .option = "--bind",
                               .purpose = "listening",
                               .addresses = &config->bind,
                               .access = &access,
                               .backlog = clamp_backlog(config)};
    struct listening metrics = {.kind = PASSED_METRICS,
                                .option = "--metrics-bind",
                                .purpose = "metrics and health",
                                .addresses = &config->metrics_bind,
                                .access = &access,
                                .backlog = server.backlog};

    access.mode = config->chmod_socket;
    if (config->chown_socket != NULL && ids_find_owner(config->chown_socket, &access.uid, &access.gid)) {
        snprintf(error, size, "--chown-socket: there is no such user or group any more");
        return -1;
    }
    if (check_passed(master, error, size) < 0 ||
        open_kind(master, &server, &master->listeners, &master->listener_count, error, size) < 0)
        return -1;
    if (is_wanted(master, &metrics) &&
        open_kind(master, &metrics, &monitor->listeners, &monitor->listener_count, error, size) < 0)
        return -1;
    if (config->control_socket != NULL && open_control(master, error, size) < 0)
        return -1;
    monitor->is_wanted = monitor->listener_count > 0 || config->control_socket != NULL;
    return 0;
}
