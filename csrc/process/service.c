/* SPDX-License-Identifier: MIT */
#include "service.h"

#include <errno.h>
#include <poll.h>
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

enum { AGAIN_US = 100 * 1000, END_LOOKS = 10, ALIVE_LEAST_US = 5 * 1000 };

static bool is_managed(const struct master *master)
{
    return master->launch != NULL && master->launch->notify_socket != NULL && !master->service.has_left &&
           !handover_is_pending(master);
}

/* Whether there was room for it, or there is no hope. */
static bool try_to_send(struct master *master, const char *text)
{
    struct service *service = &master->service;
    int result = sd_notify_send(master->launch->notify_socket, text);

    if (result == -EAGAIN)
        return false;
    if (result < 0 && !service->has_failed)
        log_warning("the service manager cannot be told how the server is, at NOTIFY_SOCKET=%s: %s (said once)",
                    master->launch->notify_socket, strerror(-result));
    service->has_failed = service->has_failed || result < 0;
    return true;
}

static void tell(struct master *master, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(struct master *master, const char *format, ...)
{
    struct service *service = &master->service;
    char text[SERVICE_TEXT_BYTES];
    va_list values;

    if (!is_managed(master))
        return;
    va_start(values, format);
    vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    if (try_to_send(master, text))
        return;
    memcpy(service->unsent, text, sizeof(text));
    service->again_us = clock_now_us() + AGAIN_US;
}

/* Whether nothing is left over. */
static bool tell_unsent(struct master *master)
{
    struct service *service = &master->service;

    if (service->unsent[0] == '\0')
        return true;
    if (clock_now_us() < service->again_us)
        return false;
    if (try_to_send(master, service->unsent))
        service->unsent[0] = '\0';
    service->again_us = clock_now_us() + AGAIN_US;
    return service->unsent[0] == '\0';
}

/* A text from elsewhere: from memory that the application can write to, or with a name of a file. Another line of it
 * would be an order to the manager. */
static void tell_text(struct master *master, const char *before, const char *text)
{
    char line[SERVICE_TEXT_BYTES];

    snprintf(line, sizeof(line), "%s", text);
    for (char *at = line; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ')
            *at = ' ';
    }
    tell(master, "%sSTATUS=%s", before, line);
}

static void tell_ready(struct master *master)
{
    int count = crew_count(&master->crew, master->generation);

    if (master->service.was_stopping || master->service.was_ready || !master->has_announced_ready)
        return;
    master->service.was_ready = true;
    tell(master, "READY=1\nSTATUS=%d worker%s serve%s", count, count == 1 ? "" : "s", count == 1 ? "s" : "");
}

/* One message for each request: the manager looks whether it is younger than its own. */
static void tell_reload(struct master *master)
{
    struct service *service = &master->service;

    if (service->was_stopping || master->reload.last_number == service->reload)
        return;
    service->reload = master->reload.last_number;
    service->is_reloading = true;
    tell(master, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reloading; the workers before serve on",
         (long long)clock_now_us());
}

static void tell_reloaded(struct master *master)
{
    struct service *service = &master->service;
    bool is_under_way = master->reload.is_wanted || master->coming != 0;

    if (service->was_stopping || !service->is_reloading || is_under_way || !service->was_ready)
        return;
    service->is_reloading = false;
    tell_text(master, "READY=1\n", board_reload_read(&master->scoreboard->totals->reload).text);
}

static void tell_stopping(struct master *master)
{
    bool is_stopping = master->phase != MASTER_RUNNING || master->is_told_to_stop;

    if (master->service.was_stopping || !is_stopping)
        return;
    master->service.was_stopping = true;
    tell(master, "STOPPING=1\nSTATUS=stopping");
}

/* Half of what the manager allows; but no manager means to keep us busy with nothing else. */
static int64_t alive_every_us(const struct master *master)
{
    int64_t half_us = master->launch->watchdog_us / 2;

    return half_us > ALIVE_LEAST_US ? half_us : ALIVE_LEAST_US;
}

static void tell_alive(struct master *master)
{
    if (master->launch->watchdog_us <= 0 || clock_now_us() < master->service.alive_us)
        return;
    master->service.alive_us = clock_now_us() + alive_every_us(master);
    tell(master, "WATCHDOG=1");
}

void service_step(struct master *master)
{
    static void (*const steps[])(struct master *) = {tell_alive, tell_ready, tell_reload, tell_reloaded, tell_stopping};

    for (size_t i = 0; i < ARRAY_COUNT(steps) && tell_unsent(master) && is_managed(master); i++)
        steps[i](master);
}

int64_t service_next_us(const struct master *master)
{
    if (master->service.unsent[0] != '\0')
        return master->service.again_us;
    return is_managed(master) && master->launch->watchdog_us > 0 ? master->service.alive_us : SLOT_NEVER;
}

void service_tell_status(struct master *master, const char *text)
{
    if (master->service.unsent[0] == '\0')
        tell_text(master, "", text);
}

void service_leave(struct master *master, pid_t to)
{
    tell(master, "MAINPID=%d", (int)to);
    master->service.has_left = true;
}

void service_end(struct master *master)
{
    for (int i = 0; i < END_LOOKS && master->service.has_left && !tell_unsent(master); i++)
        poll(NULL, 0, AGAIN_US / 1000);
}
