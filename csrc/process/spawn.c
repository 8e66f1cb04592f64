/* SPDX-License-Identifier: MIT
 * How the master brings processes to life: a worker or the zygote by fork, a worker through the zygote. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "config.h"
#include "directory.h"
#include "fd.h"
#include "generation.h"
#include "handover.h"
#include "kin.h"
#include "log.h"
#include "master_priv.h"
#include "notice.h"
#include "upgrade.h"
#include "worker.h"
#include "zygote_process.h"

enum { ORDER_AGAIN_US = 50 * 1000, GENERATION_BYTES = 32 };

/* One way to fill a slot. */
struct role {
    const char *name; /* in messages */
    /* What the child becomes; NULL: the zygote forks it. */
    void (*run)(const struct inherit *, const struct birth *) NORETURN;
};

static const struct role WORKER = {.name = "worker", .run = worker_run};
static const struct role HATCHED_WORKER = {.name = "worker"};
static const struct role ZYGOTE = {.name = "zygote", .run = zygote_process_run};

static const struct role *role_of(const struct master *master, const struct slot *slot)
{
    if (slot->number == 0)
        return &ZYGOTE;
    return master->crew.has_zygotes ? &HATCHED_WORKER : &WORKER;
}

/* Above all the channels: a worker's brother that kept one would keep it from
 * noticing that the master has gone, and could read what it says. */
void spawn_release_in_child(struct master *master)
{
    fd_close(&master->signal_fd);
    fd_close(&master->directory_fd);
    fd_close(&master->coming_directory_fd);
    watch_close(&master->watch);
    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot))
        slot_close(slot);
    slot_close(&master->monitor.slot);
    handover_close_in_child(master);
    upgrade_close_in_child(master);
}

static void announce(const struct slot *slot, int thread_count)
{
    char generation[GENERATION_BYTES] = "";

    if (slot->generation > 1)
        snprintf(generation, sizeof(generation), " of generation %d", slot->generation);
    if (slot->number == 0)
        log_info("spawned zygote (pid: %d)%s", (int)slot->pid, generation);
    else
        log_info("spawned worker %d (pid: %d, cores: %d)%s", slot->number, (int)slot->pid, thread_count, generation);
}

static int fork_child(struct master *master, struct slot *slot, const struct role *role, const struct birth *birth)
{
    pid_t pid = fork();

    if (pid < 0)
        return -errno;
    if (pid == 0) {
        directory_enter(slot->generation == master->coming ? master->coming_directory_fd : master->directory_fd);
        spawn_release_in_child(master);
        monitor_keeper_close(&master->monitor);
        role->run(&master->inherit, birth);
    }
    slot_begin(slot, pid);
    announce(slot, (int)master->config->threads);
    return 0;
}

/* Fills the slot; on failure it is still empty. 0 or -errno. */
static int start(struct master *master, struct slot *slot, const struct role *role)
{
    struct birth birth = {
        .number = slot->number,
        .row = slot->row,
        .generation = slot->generation,
        .serial = ++master->last_serial,
    };
    int ends[2];
    int result = notice_open_channel(ends);

    if (result < 0)
        return result;
    birth.control_fd = ends[1];
    slot_order(slot, birth.serial, ends[0], clock_now_us(), master->config->boot_timeout_ms * 1000);
    if (role->run != NULL)
        result = fork_child(master, slot, role, &birth);
    else
        result = zygote_process_order(crew_find_zygote(&master->crew, slot->generation)->control_fd, &birth);
    close(ends[1]);
    return result;
}

/* Whether an order was not taken for a reason that passes: more of them than fit the zygote's queue, of which it will
 * have taken some by then, or a zygote that has died and is about to be reaped (EBADF: the end of its channel has been
 * read). */
static bool is_for_later(const struct role *role, int result)
{
    return role->run == NULL && (result == -EAGAIN || result == -ETOOMANYREFS || result == -EPIPE ||
                                 result == -ECONNRESET || result == -EBADF);
}

void spawn_slot(struct master *master, struct slot *slot)
{
    const struct role *role = role_of(master, slot);
    int result = start(master, slot, role);

    if (result == 0)
        return;
    if (is_for_later(role, result)) {
        slot_cancel(slot, clock_now_us() + ORDER_AGAIN_US);
        return;
    }
    log_error("cannot start a %s: %s", role->name, strerror(-result));
    generation_note_failure(master, slot, strerror(-result));
    slot_end(slot, clock_now_us());
}

void spawn_due(struct master *master)
{
    size_t row_end = (size_t)crew_row_end(&master->crew);

    if (master->phase == MASTER_RUNNING && row_end != handoff_row_end(&master->handoff))
        handoff_set_row_end(&master->handoff, row_end);
    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot)) {
        if (master->phase == MASTER_RUNNING && crew_is_due(&master->crew, slot, clock_now_us()))
            spawn_slot(master, slot);
    }
}

void spawn_look_again(struct master *master, struct slot *slot)
{
    if (slot->pid == 0 && slot->told_pid != 0)
        spawn_note_pid(master, slot, slot->told_pid);
}

/* The process that may be there has no channel from now on, and ends by itself. */
static void disbelieve(struct master *master, struct slot *slot, pid_t pid)
{
    log_error("process %d is said to be worker %d, but is no process of this server, or another one: it is let go",
              (int)pid, slot->number);
    generation_note_failure(master, slot, "is no process of this server");
    slot_end(slot, clock_now_us());
}

/* Whether a process that would be ours is known to be something else. */
static bool is_another(const struct master *master, pid_t pid)
{
    return pid == master->monitor.slot.pid || pid == upgrade_pid(master) || crew_find_pid(&master->crew, pid) != NULL;
}

void spawn_note_pid(struct master *master, struct slot *slot, pid_t pid)
{
    int pid_fd = -1;

    if (slot->pid != 0)
        return;
    if (pid <= 0 || is_another(master, pid)) {
        disbelieve(master, slot, pid);
        return;
    }
    if (pid != master->reaped_pid) {
        switch (kin_take_hold(pid, &pid_fd)) {
        case KIN_OURS:
            break;
        case KIN_STRANGER:
            disbelieve(master, slot, pid);
            return;
        case KIN_UNTOLD: /* the process between has not ended: once it has, it is our child and tells us again */
            slot->told_pid = pid;
            return;
        }
    }
    slot_begin_told(slot, pid, pid_fd);
    announce(slot, (int)master->config->threads);
}
