/* SPDX-License-Identifier: MIT
 * What becomes of the master's children: ready, dead, too slow. Runs in the master. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "clock.h"
#include "config.h"
#include "counters.h"
#include "death.h"
#include "generation.h"
#include "kin.h"
#include "log.h"
#include "master_priv.h"
#include "notice.h"
#include "scoreboard.h"
#include "stacks.h"
#include "role_signals.h"
#include "upgrade.h"

enum {
    DURATION_BYTES = 32,
    STACKS_US = 400 * 1000,           /* for a process to write them, that does not say when it has */
    STACKS_MOST_US = 2 * 1000 * 1000, /* for a worker to write them: its machine may be busy */
    STACKS_LOOK_US = 20 * 1000,       /* between two looks whether it has */
    REAPED_BY_US = 2 * 1000 * 1000,   /* after SIGKILL */
};

static int64_t drain_deadline_us(const struct master *master)
{
    int64_t timeout_us = master->config->graceful_timeout_ms * 1000;

    return timeout_us > 0 ? clock_now_us() + timeout_us : SLOT_NEVER;
}

static const char *format_duration(char *text, int64_t duration_ms)
{
    snprintf(text, DURATION_BYTES, "%g s", (double)duration_ms / 1e3);
    return text;
}

/* What the worker has left behind in shared memory. Its siblings would take a dead worker for one that waits; and the
 * kernel may just have woken it for a connection or for a request in the queue: another is to look. */
static void clear_rows(struct master *master, int row)
{
    counters_bury(master->scoreboard, row, clock_now_us());
    scoreboard_clear_row(master->scoreboard, row);
    handoff_clear_row(&master->handoff, (size_t)row);
    (void)handoff_tell_unaccepted(&master->handoff);
}

/* It cannot be waited for: the zygote has told of a process that has another parent. */
static void lose(struct master *master, struct slot *slot)
{
    char name[SLOT_NAME_BYTES];

    log_warning("%s was no child of the master's, and has gone", slot_format_name(slot, name));
    if (slot->number > 0)
        clear_rows(master, slot->row);
    slot_end(slot, clock_now_us());
}

/* The slot of one that has gone already is empty then. */
void supervise_kill(struct master *master, struct slot *slot)
{
    spawn_look_again(master, slot);
    if (!slot_is_taken(slot))
        return;
    slot_kill(slot, slot->pid > 0 ? clock_now_us() + REAPED_BY_US : SLOT_NEVER);
    if (slot->pid > 0 && kin_signal(slot->pid, slot->pid_fd, SIGKILL) == -ESRCH)
        lose(master, slot);
}

/* --- Ready --- */

static void announce_ready(struct master *master)
{
    int count = crew_count(&master->crew, master->generation);

    if (master->has_announced_ready || !crew_are_all(&master->crew, master->generation, SLOT_READY))
        return;
    master->has_announced_ready = true;
    atomic_store(&master->scoreboard->totals->has_started, 1);
    log_info("ready: %d %s after %.0f ms", count, count == 1 ? "worker serves" : "workers serve",
             (double)(clock_now_us() - master->began_us) / 1e3);
}

void supervise_let_go(struct master *master, struct slot *slot)
{
    int state = WORKER_STARTING;

    /* Before it knows: who has read that the server is ready finds its workers ready. It may be draining already. */
    atomic_compare_exchange_strong(&scoreboard_row(master->scoreboard, slot->row)->state, &state, WORKER_READY);
    notice_let_go(slot->control_fd);
    slot_let_go(slot);
    announce_ready(master);
}

/* --- Deaths --- */

/* Whether it ended as it was told to: by itself, or at once by a signal that the whole group may have been sent. */
static bool is_obedient(const struct slot *slot, int wait_status)
{
    int signal_number =
        WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : role_signals_of_status(WEXITSTATUS(wait_status));

    return slot->state == SLOT_DRAINING && (wait_status == 0 || signal_number == SIGTERM || signal_number == SIGINT);
}

static enum log_level death_level(const struct master *master, const struct slot *slot, int wait_status)
{
    if (slot->state == SLOT_KILLED) /* the reason has been logged */
        return LOG_LEVEL_DEBUG;
    if (is_obedient(slot, wait_status))
        return master->phase == MASTER_RUNNING ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
    return LOG_LEVEL_ERROR;
}

/* What the zygote was still to fork, it will not. */
static void cancel_orders(struct master *master, int generation)
{
    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot)) {
        if (slot->generation == generation && slot_is_taken(slot) && slot->pid == 0)
            slot_cancel(slot, clock_now_us());
    }
}

static void announce_next_attempt(const struct master *master, const struct slot *slot, int64_t now_us)
{
    char who[DURATION_BYTES] = "zygote";

    if (master->phase != MASTER_RUNNING || slot->start_us <= now_us || slot->is_last || slot->replaces != 0 ||
        slot->generation == master->coming || crew_is_hopeless(&master->crew, slot->generation))
        return;
    if (slot->number > 0)
        snprintf(who, sizeof(who), "worker %d", slot->number);
    log_info("%s: next attempt in %.1f s", who, (double)(slot->start_us - now_us) / 1e6);
}

/* Why the worker in the slot has ended; not to be asked while the server stops. */
static enum restart_cause cause_of_end(const struct slot *slot, int wait_status, bool was_oom)
{
    if (slot->end_cause >= 0)
        return (enum restart_cause)slot->end_cause;
    if (was_oom)
        return RESTART_OOM;
    if (slot->ready_us == 0 && WIFEXITED(wait_status))
        return RESTART_BOOT_FAILURE;
    return WIFSIGNALED(wait_status) ? RESTART_SIGNAL : RESTART_EXIT;
}

/* Nobody here has killed it: whether the kernel counts a death of that kind. */
static bool is_oom(struct master *master, const struct slot *slot, int wait_status)
{
    char name[SLOT_NAME_BYTES], limit[OOM_TEXT_BYTES];

    if (slot->state == SLOT_KILLED || !WIFSIGNALED(wait_status) || WTERMSIG(wait_status) != SIGKILL ||
        !oom_take_kill(&master->oom))
        return false;
    log_error("%s: the kernel's OOM killer has killed a process of this control group (%s)",
              slot_format_name(slot, name), oom_describe_limit(&master->oom, limit));
    return true;
}

static void bury(struct master *master, struct slot *slot, int wait_status)
{
    char text[DEATH_TEXT_BYTES], name[SLOT_NAME_BYTES];
    enum log_level level = death_level(master, slot, wait_status);
    bool was_ready = slot->ready_us != 0, was_oom;
    int64_t now_us = clock_now_us();

    LOG_AT(level, "%s", death_describe(text, slot, wait_status, master->scoreboard, now_us));
    generation_note_failure(master, slot, text + strlen(slot_format_name(slot, name)) + 1);
    if (slot->number > 0 && was_ready) {
        death_log_requests(level, slot, master->scoreboard, now_us);
        death_log_stacks(level, slot, master->scoreboard, now_us);
    }
    was_oom = is_oom(master, slot, wait_status);
    if (slot->number > 0)
        clear_rows(master, slot->row);
    /* Last: who sees it counted as one that has ended does not find it among those that live. */
    if (slot->number > 0 && master->phase == MASTER_RUNNING && slot->end_cause != RESTART_COUNT)
        restarts_count(master->scoreboard, cause_of_end(slot, wait_status, was_oom));
    slot_end(slot, now_us);
    if (slot->number == 0) {
        if (master->phase == MASTER_RUNNING && was_ready && !slot->is_last)
            log_warning("the workers go on; missing ones wait for the next zygote");
        cancel_orders(master, slot->generation);
    }
    announce_next_attempt(master, slot, now_us);
}

void supervise_reap(struct master *master)
{
    int wait_status;
    pid_t pid;

    while ((pid = waitpid(-1, &wait_status, WNOHANG | WUNTRACED)) > 0) {
        struct slot *slot = crew_find_pid(&master->crew, pid);

        if (WIFSTOPPED(wait_status)) {
            (void)handoff_tell_unaccepted(&master->handoff); /* as in clear_rows: it may just have been woken */
            continue;
        }
        if (monitor_keeper_bury(master, pid, wait_status) || upgrade_bury(master, pid, wait_status))
            continue;
        /* A worker of the zygote's is ours only after the news of it has been sent: the zygote's channel has it, if
         * nothing else has. */
        if (slot == NULL) {
            master->reaped_pid = pid;
            hear_children(master);
            slot = crew_find_told(&master->crew, pid);
            if (slot != NULL)
                spawn_note_pid(master, slot, pid);
            master->reaped_pid = 0;
            slot = crew_find_pid(&master->crew, pid);
        }
        if (slot != NULL) {
            hear_child(master, slot); /* its last words */
            bury(master, slot, wait_status);
        } else {
            log_debug("reaped process %d, an orphan", (int)pid);
        }
    }
}

/* --- Deadlines --- */

/* It has not forked the worker of this slot. With its death the order is void. */
static void kill_stuck_zygote(struct master *master, struct slot *slot)
{
    struct slot *zygote = crew_find_zygote(&master->crew, slot->generation);
    char name[SLOT_NAME_BYTES], limit[DURATION_BYTES];

    log_error("%s has not forked worker %d within %s (--boot-timeout): killed", slot_format_name(zygote, name),
              slot->number, format_duration(limit, master->config->boot_timeout_ms));
    generation_note_failure(master, slot, "was not forked within --boot-timeout");
    slot->deadline_us = SLOT_NEVER;
    supervise_kill(master, zygote);
}

/* It loads the application, or ends: it writes its stacks itself, as they are. One at a time, lest they be mixed; those
 * whose time is up at the same moment are in the same place mostly, and wait for it. */
static bool ask_for_raw_stacks(struct master *master, struct slot *slot, int64_t now_us)
{
    char name[SLOT_NAME_BYTES];

    slot->has_shown_stacks = true;
    if (now_us < master->stacks_until_us) {
        slot->deadline_us = master->stacks_until_us;
        return true;
    }
    log_warning("%s is about to be killed; the stacks of its Python threads, if it can show them:",
                slot_format_name(slot, name));
    master->stacks_until_us = slot->deadline_us = now_us + STACKS_US;
    return kin_signal(slot->pid, slot->pid_fd, STACKS_SIGNAL) == 0;
}

/* It has been asked. Whether it is given more time. */
static bool wait_for_stacks(const struct master *master, struct slot *slot, int64_t now_us)
{
    if (slot->stacks_us == 0 || now_us - slot->stacks_us >= STACKS_MOST_US ||
        stacks_taken_us(master->scoreboard, slot->row) >= slot->stacks_us)
        return false;
    slot->deadline_us = now_us + STACKS_LOOK_US;
    return true;
}

/* Before it is killed: what it is doing is of interest. Whether it was asked just now, and has a moment to answer. */
static bool ask_for_stacks(struct master *master, struct slot *slot, int64_t now_us)
{
    if (slot->has_shown_stacks)
        return wait_for_stacks(master, slot, now_us);
    if (slot->state == SLOT_STARTING)
        return ask_for_raw_stacks(master, slot, now_us);
    if (slot->number <= 0 || slot->ready_us == 0)
        return false;
    if (atomic_load(&scoreboard_row(master->scoreboard, slot->row)->has_finished) != 0)
        return ask_for_raw_stacks(master, slot, now_us);
    if (scoreboard_count_running(master->scoreboard, slot->row) == 0)
        return false;
    slot->has_shown_stacks = true;
    slot->stacks_us = now_us;
    slot->deadline_us = now_us + STACKS_LOOK_US;
    return kin_signal(slot->pid, slot->pid_fd, STACKS_SIGNAL) == 0;
}

static void kill_slow_starter(struct master *master, struct slot *slot)
{
    char name[SLOT_NAME_BYTES], limit[DURATION_BYTES];

    slot->end_cause = RESTART_BOOT_TIMEOUT;
    log_error("%s has not loaded the application within %s (--boot-timeout): killed", slot_format_name(slot, name),
              format_duration(limit, master->config->boot_timeout_ms));
    generation_note_failure(master, slot, "has not loaded the application within --boot-timeout");
    supervise_kill(master, slot);
}

static void kill_slow_drainer(struct master *master, struct slot *slot, int64_t now_us)
{
    char name[SLOT_NAME_BYTES], limit[DURATION_BYTES], request[DEATH_TEXT_BYTES] = "idle";

    if (slot->end_cause < 0)
        slot->end_cause = RESTART_DRAIN_TIMEOUT;
    if (slot->number > 0)
        death_describe_delay(request, sizeof(request), master->scoreboard, slot->row, now_us);
    log_error("%s has not ended within %s (--graceful-timeout): killed, %s", slot_format_name(slot, name),
              format_duration(limit, master->config->graceful_timeout_ms), request);
    if (slot->number > 0)
        death_log_requests(LOG_LEVEL_ERROR, slot, master->scoreboard, now_us);
    supervise_kill(master, slot);
}

/* A child that cannot die yet (it hangs in the kernel) will be reaped. */
static void look_for_killed(struct master *master, struct slot *slot)
{
    slot->deadline_us = SLOT_NEVER;
    if (!kin_is_child(slot->pid))
        lose(master, slot);
}

static bool has_living_zygote(const struct master *master, const struct slot *slot)
{
    const struct slot *zygote = crew_find_zygote(&master->crew, slot->generation);

    return zygote != NULL && zygote->pid > 0;
}

void supervise_enforce_deadlines(struct master *master, int64_t now_us)
{
    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot)) {
        if (slot->deadline_us > now_us)
            continue;
        spawn_look_again(master, slot);
        if (slot->state == SLOT_EMPTY)
            continue;
        if (slot->state == SLOT_ORDERED && has_living_zygote(master, slot)) {
            kill_stuck_zygote(master, slot);
        } else if (slot->state == SLOT_KILLED) {
            look_for_killed(master, slot);
        } else if (ask_for_stacks(master, slot, now_us)) {
            continue;
        } else if (slot->state == SLOT_DRAINING) {
            kill_slow_drainer(master, slot, now_us);
        } else {
            kill_slow_starter(master, slot);
        }
    }
}

/* --- The end --- */

static void tell_to_end(struct slot *slot, int64_t deadline_us)
{
    /* One that starts has no request to finish, and does not look at its channel yet; of one that is ready the
     * application has closed it. */
    if (slot->state == SLOT_STARTING || (slot->state == SLOT_READY && slot->control_fd < 0))
        (void)kin_signal(slot->pid, slot->pid_fd, SIGTERM);
    if (slot_is_wanted(slot))
        slot_drain(slot, deadline_us);
}

void supervise_ending(struct master *master, struct slot *slot)
{
    if (slot_is_wanted(slot))
        slot_drain(slot, drain_deadline_us(master));
}

void supervise_end(struct master *master, struct slot *slot, enum restart_cause cause)
{
    slot->is_last = true;
    if (slot_is_wanted(slot))
        slot->end_cause = (int)cause;
    tell_to_end(slot, drain_deadline_us(master));
}

void supervise_drain_all(struct master *master)
{
    int64_t deadline_us = drain_deadline_us(master);

    master->phase = MASTER_STOPPING;
    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot))
        tell_to_end(slot, deadline_us);
}

/* Somebody will look for the requests that got no answer. */
static void log_cut_requests(const struct master *master, const struct slot *slot)
{
    char name[SLOT_NAME_BYTES], requests[DEATH_TEXT_BYTES];
    int64_t now_us = clock_now_us();

    if (slot->number == 0 || slot->ready_us == 0 || scoreboard_count_running(master->scoreboard, slot->row) == 0)
        return;
    log_warning("%s is killed %s", slot_format_name(slot, name),
                death_describe_requests(requests, sizeof(requests), master->scoreboard, slot->row, now_us));
    death_log_requests(LOG_LEVEL_WARNING, slot, master->scoreboard, now_us);
}

void supervise_kill_all(struct master *master)
{
    master->phase = MASTER_KILLING;
    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot)) {
        if (!slot_is_taken(slot))
            continue;
        log_cut_requests(master, slot);
        supervise_kill(master, slot);
    }
}
