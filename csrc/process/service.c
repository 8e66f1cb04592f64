/* SPDX-License-Identifier: MIT */
#include "service.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "attrs.h"
#include "board_reload.h"
#include "clock.h"
#include "handover.h"
#include "launch.h"
#include "log.h"
#include "master_priv.h"
#include "scoreboard.h"
#include "sd_notify.h"

enum { TEXT_BYTES = 1024 };

static bool is_managed(const struct master *master)
{
    return master->launch != NULL && master->launch->notify_socket != NULL && !master->service.has_left &&
           !handover_is_pending(master);
}

static void tell(struct master *master, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(struct master *master, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list values;
    int result;

    if (!is_managed(master))
        return;
    va_start(values, format);
    vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    result = sd_notify_send(master->launch->notify_socket, text);
    if (result < 0 && !master->service.has_failed)
        log_warning("the service manager cannot be told how the server is, at NOTIFY_SOCKET=%s: %s (said once)",
                    master->launch->notify_socket, strerror(-result));
    master->service.has_failed = master->service.has_failed || result < 0;
}

static void tell_ready(struct master *master)
{
    int count = crew_count(&master->crew, master->generation);

    if (master->service.was_ready || !master->has_announced_ready)
        return;
    master->service.was_ready = true;
    tell(master, "READY=1\nSTATUS=%d worker%s serve%s", count, count == 1 ? "" : "s", count == 1 ? "s" : "");
}

/* One message for each request: the manager looks whether it is younger than its own. */
static void tell_reload(struct master *master)
{
    struct service *service = &master->service;
    bool is_under_way = master->reload.is_wanted || master->coming != 0;

    if (master->reload.last_number != service->reload) {
        service->reload = master->reload.last_number;
        service->is_reloading = true;
        tell(master, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reloading; the workers before serve on",
             (long long)clock_now_us());
    }
    if (service->is_reloading && !is_under_way && service->was_ready) {
        service->is_reloading = false;
        tell(master, "READY=1\nSTATUS=%s", board_reload_read(&master->scoreboard->totals->reload).text);
    }
}

static void tell_stopping(struct master *master)
{
    bool is_stopping = master->phase != MASTER_RUNNING || atomic_load(&master->scoreboard->totals->is_stopping) != 0;

    if (master->service.was_stopping || !is_stopping)
        return;
    master->service.was_stopping = true;
    tell(master, "STOPPING=1\nSTATUS=stopping");
}

static void tell_alive(struct master *master)
{
    if (!is_managed(master) || master->launch->watchdog_us <= 0 || clock_now_us() < master->service.alive_us)
        return;
    master->service.alive_us = clock_now_us() + master->launch->watchdog_us / 2;
    tell(master, "WATCHDOG=1");
}

void service_step(struct master *master)
{
    if (!is_managed(master))
        return;
    tell_alive(master);
    if (!master->service.was_stopping) {
        tell_ready(master);
        tell_reload(master);
    }
    tell_stopping(master);
}

int64_t service_next_us(const struct master *master)
{
    return is_managed(master) && master->launch->watchdog_us > 0 ? master->service.alive_us : SLOT_NEVER;
}

void service_tell_status(struct master *master, const char *text)
{
    tell(master, "STATUS=%s", text);
}

void service_leave(struct master *master, pid_t to)
{
    tell(master, "MAINPID=%d", (int)to);
    master->service.has_left = true;
}
