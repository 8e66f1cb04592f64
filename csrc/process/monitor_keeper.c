/* SPDX-License-Identifier: MIT */
#include "monitor_keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "banner.h"
#include "child.h"
#include "clock.h"
#include "death.h"
#include "fd.h"
#include "gateway.h"
#include "generation.h"
#include "handover.h"
#include "kin.h"
#include "listener.h"
#include "log.h"
#include "log_reopen.h"
#include "master_priv.h"
#include "monitor.h"
#include "notice.h"
#include "orphan.h"
#include "role_signals.h"
#include "scoreboard.h"
#include "stacks.h"

enum { END_TIMEOUT_US = 2000000 };

void monitor_keeper_init(struct monitor_keeper *keeper, int64_t now_us)
{
    *keeper = (struct monitor_keeper){.control = {.fd = -1}};
    slot_init(&keeper->slot, SLOT_MONITOR, -1, 1, now_us);
}

/* --- The process --- */

struct monitor_self {
    const struct inherit *inherit;
    const struct birth *birth;
};

static void poke_master(void *context)
{
    const struct monitor_self *self = context;

    notice_poke(self->birth->control_fd, self->birth->number, self->birth->serial);
}

static bool goes_on(void *context)
{
    const struct monitor_self *self = context;
    struct notice_logs logs;

    switch (notice_take_word(self->birth->control_fd, &logs)) {
    case NOTICE_GO:
        atomic_fetch_add(&self->inherit->scoreboard->totals->monitor_beats, 1);
        return true;
    case NOTICE_LOGS:
        log_reopen_take(self->inherit, &logs);
        return true;
    case NOTICE_END:
    case NOTICE_GONE:
        break;
    }
    /* A master that has died waits for nobody, and a client that is slow would hold all addresses. */
    (void)orphan_end_after(END_TIMEOUT_US / 1000);
    return false;
}

static void ask_reload(void *context)
{
    const struct monitor_self *self = context;

    notice_ask(self->birth->control_fd, NOTICE_ASK_RELOAD, self->birth->number, self->birth->serial, 0);
}

static void ask_stacks(void *context, int row)
{
    const struct monitor_self *self = context;

    notice_ask(self->birth->control_fd, NOTICE_ASK_STACKS, self->birth->number, self->birth->serial, row);
}

/* "3.11.7" of "CPython 3.11.7". */
static const char *python_version(const struct gateway_ops *ops)
{
    const char *version = ops->version(), *space = strrchr(version, ' ');

    return space != NULL ? space + 1 : version;
}

/* Of what the workers share it needs the memory alone: the queue's ends and the access log are not its business. */
static void let_go(struct master *master)
{
    fd_close(&master->handoff.take_fd);
    fd_close(&master->handoff.give_fd);
    if (master->inherit.access_log_fd > STDERR_FILENO)
        fd_close(&master->inherit.access_log_fd);
}

static void NORETURN become_monitor(struct master *master, struct birth *birth)
{
    struct monitor_self self = {.inherit = &master->inherit, .birth = birth};
    const struct monitor_task task = {
        .view =
            {
                .scoreboard = master->scoreboard,
                .handoff = &master->handoff,
                .server_listeners = master->listeners,
                .server_listener_count = master->listener_count,
                .app_metrics = master->app_metrics,
                .version = banner_version(),
                .python = python_version(master->gateway_ops),
            },
        .listeners = master->monitor.listeners,
        .listener_count = master->monitor.listener_count,
        .control = master->monitor.control.fd >= 0 ? &master->monitor.control : NULL,
        .owner = geteuid(), /* before it changes */
        .control_fd = birth->control_fd,
        .goes_on = goes_on,
        .poke_master = poke_master,
        .ask_reload = ask_reload,
        .ask_stacks = ask_stacks,
        .context = &self,
    };

    spawn_release_in_child(master);
    let_go(master);
    child_enter(&master->inherit, birth);
    /* They are sent to the whole group by habit. It ends when the master says so, after the workers. */
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    exit(monitor_serve(&task));
}

static int start(struct master *master)
{
    struct slot *slot = &master->monitor.slot;
    struct birth birth = {.number = SLOT_MONITOR, .row = -1, .serial = ++master->last_serial};
    int ends[2], result = notice_open_channel(ends);
    pid_t pid;

    if (result < 0)
        return result;
    birth.control_fd = ends[1];
    slot_order(slot, birth.serial, ends[0], clock_now_us(), 0);
    pid = fork();
    if (pid < 0)
        result = -errno;
    if (pid == 0)
        become_monitor(master, &birth);
    fd_close(&ends[1]);
    if (pid < 0)
        return result;
    slot_begin(slot, pid);
    slot_become_ready(slot, clock_now_us());
    log_info("spawned monitor (pid: %d)", (int)pid);
    return 0;
}

/* --- Its life --- */

/* Also while the server stops: it is to tell of that. */
void monitor_keeper_start_due(struct master *master)
{
    struct slot *slot = &master->monitor.slot;
    int result;

    if (!master->monitor.is_wanted || slot->state != SLOT_EMPTY || handover_is_pending(master) ||
        slot->start_us > clock_now_us())
        return;
    result = start(master);
    if (result == 0)
        return;
    log_error("cannot start the monitor: %s", strerror(-result));
    slot_end(slot, clock_now_us());
}

int64_t monitor_keeper_next_us(const struct master *master)
{
    const struct slot *slot = &master->monitor.slot;

    return master->monitor.is_wanted && slot->state == SLOT_EMPTY && !handover_is_pending(master) ? slot->start_us
                                                                                                  : SLOT_NEVER;
}

bool monitor_keeper_bury(struct master *master, pid_t pid, int wait_status)
{
    struct slot *slot = &master->monitor.slot;
    char text[DEATH_TEXT_BYTES];

    if (slot->pid == 0 || slot->pid != pid)
        return false;
    if (!master->monitor.is_wanted)
        log_debug("%s", death_describe(text, slot, wait_status, NULL, clock_now_us()));
    else
        log_error("%s; the server goes on without it", death_describe(text, slot, wait_status, NULL, clock_now_us()));
    slot_end(slot, clock_now_us());
    return true;
}

/* Looks for the worker itself: the monitor is not believed that the pid in a row is one. */
static void signal_for_stacks(const struct master *master, int row)
{
    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot)) {
        if (slot->row != row || slot->pid <= 0 || (slot->state != SLOT_READY && slot->state != SLOT_DRAINING) ||
            slot->ready_us == 0)
            continue;
        (void)kin_signal(slot->pid, slot->pid_fd, STACKS_SIGNAL);
        return;
    }
}

void monitor_keeper_take_notice(struct master *master, const struct notice *notice)
{
    if (notice->serial != master->monitor.slot.serial || notice->number != SLOT_MONITOR)
        return;
    if (notice->kind == NOTICE_ASK_RELOAD)
        generation_ask_reload(master);
    else if (notice->kind == NOTICE_ASK_STACKS)
        signal_for_stacks(master, notice->pid);
}

void monitor_keeper_leave(struct master *master)
{
    master->monitor.is_wanted = false;
    fd_close(&master->monitor.slot.control_fd);
}

static bool has_ended(const struct slot *slot)
{
    return waitpid(slot->pid, NULL, WNOHANG) != 0;
}

void monitor_keeper_end(struct master *master)
{
    struct slot *slot = &master->monitor.slot;
    int64_t until_us = clock_now_us() + END_TIMEOUT_US;
    struct pollfd signals = {.fd = master->signal_fd, .events = POLLIN};

    if (slot->pid == 0)
        return;
    fd_close(&slot->control_fd);
    while (!has_ended(slot)) {
        int64_t left_us = until_us - clock_now_us();

        if (left_us <= 0) {
            kill(slot->pid, SIGKILL);
            waitpid(slot->pid, NULL, 0);
            break;
        }
        poll(&signals, 1, (int)(left_us / 1000 + 1));
        while (role_signals_next(master->signal_fd) != 0)
            continue;
    }
    slot->pid = 0;
}

void monitor_keeper_close(struct monitor_keeper *keeper)
{
    for (size_t i = 0; i < keeper->listener_count; i++)
        listener_close(&keeper->listeners[i]);
    listener_close(&keeper->control);
}

void monitor_keeper_fini(struct monitor_keeper *keeper)
{
    for (size_t i = 0; i < keeper->listener_count; i++)
        listener_end(&keeper->listeners[i]);
    free(keeper->listeners);
    listener_end(&keeper->control);
}
