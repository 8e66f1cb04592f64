/* SPDX-License-Identifier: MIT */
#include "upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "config.h"
#include "death.h"
#include "fd.h"
#include "handover.h"
#include "launch.h"
#include "listener.h"
#include "log.h"
#include "master_priv.h"
#include "passing.h"
#include "pidfile.h"
#include "role_signals.h"
#include "scoreboard.h"
#include "service.h"
#include "slice.h"
#include "stay.h"
#include "successor.h"

static const int64_t MARGIN_US = 10 * 1000 * 1000;
static const int64_t LISTENERS_END_US = 1000 * 1000;
static const int64_t END_US = 5 * 1000 * 1000;

enum { MESSAGE_BYTES = 4096, ERROR_BYTES = 1024, FAILURE_BYTES = 512 };

enum upgrade_state {
    UPGRADE_NONE,
    UPGRADE_WANTED,  /* to be begun when no reload is under way */
    UPGRADE_RUNNING, /* the new master is being started */
    UPGRADE_ENDING,  /* it has failed, and has not ended yet */
    UPGRADE_OVER,    /* it serves */
};

struct upgrade {
    enum upgrade_state state;
    pid_t pid;              /* of the new master; 0: none */
    int channel_fd;         /* owned: to it; -1: none */
    struct passing passing; /* what was passed */
    struct stay stay;       /* of process 1 */
    int64_t began_us;
    int64_t deadline_us; /* by when it must have got on; SLOT_NEVER */
    bool has_new_logs;   /* SIGUSR1 has come since: the new master has opened the old files perhaps */
    char failure[FAILURE_BYTES];
};

static enum upgrade_state state_of(const struct master *master)
{
    return master->upgrade != NULL ? master->upgrade->state : UPGRADE_NONE;
}

bool upgrade_is_running(const struct master *master)
{
    return state_of(master) == UPGRADE_RUNNING || state_of(master) == UPGRADE_ENDING;
}

bool upgrade_is_over(const struct master *master)
{
    return state_of(master) == UPGRADE_OVER;
}

pid_t upgrade_pid(const struct master *master)
{
    return master->upgrade != NULL ? master->upgrade->pid : 0;
}

/* From the signal on, also while --drain-delay holds everything else back. */
static bool is_stopping(const struct master *master)
{
    return master->phase != MASTER_RUNNING || master->is_told_to_stop;
}

/* --- Signals --- */

static bool reserve(struct master *master)
{
    if (master->upgrade != NULL)
        return true;
    master->upgrade = calloc(1, sizeof(*master->upgrade));
    if (master->upgrade == NULL) {
        log_error("upgrade failed: not enough memory; this master serves on");
        return false;
    }
    master->upgrade->channel_fd = -1;
    master->upgrade->deadline_us = SLOT_NEVER;
    stay_init(&master->upgrade->stay);
    return true;
}

static void ask(struct master *master)
{
    if (upgrade_is_running(master) || state_of(master) == UPGRADE_WANTED) {
        log_warning("an upgrade is under way already: SIGUSR2 is ignored");
    } else if (is_stopping(master)) {
        log_warning("the server stops: SIGUSR2 is ignored");
    } else if (reserve(master)) {
        if (handover_is_pending(master))
            log_info("the upgrade begins when this master has itself taken over");
        else if (master->coming != 0 || master->reload.is_wanted)
            log_info("the upgrade begins when the reload that is under way is over");
        master->upgrade->state = UPGRADE_WANTED;
    }
}

/* Another master has the server; what is left here is to finish what the workers have begun. */
static void take_late_signal(struct master *master, int number)
{
    struct upgrade *upgrade = master->upgrade;

    if (stay_is_needed())
        stay_pass_on(&upgrade->stay, number);
    else if (number == SIGTERM || number == SIGINT)
        log_info("%s: the server is that of master %d; this one ends when its workers have finished",
                 death_signal_name(number), (int)upgrade->pid);
    if (number == SIGQUIT)
        supervise_kill_all(master);
}

bool upgrade_take_signal(struct master *master, int number)
{
    if (number == SIGCHLD)
        return false;
    if (state_of(master) == UPGRADE_OVER) {
        take_late_signal(master, number);
        return true;
    }
    if (number == SIGHUP && upgrade_is_running(master))
        log_info("a reload begins if the upgrade that is under way fails: else it has loaded everything anew");
    if (number == SIGUSR1 && upgrade_is_running(master))
        master->upgrade->has_new_logs = true;
    if (number == SIGUSR2)
        ask(master);
    return number == SIGUSR2;
}

/* --- The new master --- */

static void forget(struct upgrade *upgrade)
{
    fd_close(&upgrade->channel_fd);
    passing_fini(&upgrade->passing);
    upgrade->pid = 0;
    upgrade->deadline_us = SLOT_NEVER;
    upgrade->failure[0] = '\0';
    upgrade->state = UPGRADE_NONE;
}

/* The pid file may have been taken over already. */
static void keep_pidfile(const struct master *master, pid_t from)
{
    char error[ERROR_BYTES];

    if (master->has_pidfile && pidfile_take_over(master->config->pid, from, error, sizeof(error)) < 0)
        log_error("%s", error);
}

static void roll_back(struct master *master, const char *why)
{
    keep_pidfile(master, master->upgrade->pid);
    log_error("upgrade failed and rolled back: %s; master %d serves on", why, (int)getpid());
    service_tell_status(master, why);
    forget(master->upgrade);
}

static void begin(struct master *master)
{
    struct upgrade *upgrade = master->upgrade;
    char error[ERROR_BYTES];
    int64_t limit_us = master->config->boot_timeout_ms * 1000 * (master->config->preload ? 2 : 1);

    upgrade->began_us = clock_now_us();
    upgrade->has_new_logs = false;
    upgrade->state = UPGRADE_RUNNING;
    upgrade->pid =
        successor_start(master, &upgrade->passing, &upgrade->stay, &upgrade->channel_fd, error, sizeof(error));
    if (upgrade->pid <= 0) {
        upgrade->pid = 0;
        roll_back(master, error);
        return;
    }
    upgrade->deadline_us = limit_us > 0 ? upgrade->began_us + limit_us + MARGIN_US : SLOT_NEVER;
    log_info("upgrade: %s is started as master %d; this one serves until it is ready", master->launch->program,
             (int)upgrade->pid);
}

/* Why it has to end; it is buried when it has. */
static void end_it(struct master *master, const char *why)
{
    struct upgrade *upgrade = master->upgrade;

    if (upgrade->failure[0] == '\0')
        snprintf(upgrade->failure, sizeof(upgrade->failure), "%s", why);
    kill(upgrade->pid, upgrade->state == UPGRADE_ENDING ? SIGKILL : SIGTERM);
    upgrade->state = UPGRADE_ENDING;
    upgrade->deadline_us = clock_now_us() + END_US;
}

static void keep_taken(struct master *master, const char *mask)
{
    const struct passing *passing = &master->upgrade->passing;
    size_t index[PASSED_KINDS] = {0};

    for (size_t i = 0; i < passing->count && mask[i] != '\0'; i++) {
        struct listener *listener =
            successor_find_listener(master, passing->listeners[i].kind, index[passing->listeners[i].kind]++);

        if (listener != NULL && mask[i] == '1')
            listener->is_kept = true;
    }
}

/* This master is the past. The new one has the addresses that it has taken; the others end here. */
static void leave(struct master *master, bool is_queue_shared)
{
    struct upgrade *upgrade = master->upgrade;

    if (master->has_pidfile)
        pidfile_remove(master->config->pid); /* one of another name; the new one has taken over that of the same name */
    master->has_pidfile = false;
    master->is_told_to_stop = true;
    atomic_store(&master->scoreboard->totals->is_stopping, 1);
    if (is_queue_shared)
        handoff_set_row_end(&master->handoff, master->handoff.row_count); /* there is somebody to leave clients to */
    else
        atomic_store(&master->handoff.board->is_stopping, 1);
    supervise_drain_all(master);
    master->listeners_end_us = clock_now_us() + LISTENERS_END_US;
    service_leave(master, upgrade->pid);
    stay_tell(handover_keeper_fd(master), upgrade->pid);
    (void)send(upgrade->channel_fd, "go", 2, MSG_NOSIGNAL);
    if (upgrade->has_new_logs)
        kill(upgrade->pid, SIGUSR1);
    log_info("upgrade done after %.0f ms: master %d serves; the workers of this one finish what they have begun",
             (double)(clock_now_us() - upgrade->began_us) / 1e3, (int)upgrade->pid);
    monitor_keeper_leave(master);
}

/* There is no way back, and "go" follows. Nothing is left to one that has died since it was ready, or that has been
 * told to stop: it cannot be sent anything. */
static bool promise(const struct upgrade *upgrade)
{
    const struct slice text = slice_of_string(PASSING_PROMISE);

    return send(upgrade->channel_fd, text.ptr, text.len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)text.len;
}

static void take_message(struct master *master, const char *text)
{
    struct upgrade *upgrade = master->upgrade;
    long long limit_us;
    int is_queue_shared, used = 0;

    if (sscanf(text, "limit %lld", &limit_us) == 1) {
        upgrade->deadline_us = limit_us > 0 ? clock_now_us() + limit_us : SLOT_NEVER;
    } else if (sscanf(text, "failed %n", &used) == 0 && used > 0) {
        snprintf(upgrade->failure, sizeof(upgrade->failure), "%s", text + used);
    } else if (sscanf(text, "ready %d %n", &is_queue_shared, &used) == 1 && used > 0 && promise(upgrade)) {
        keep_taken(master, text + used);
        upgrade->state = UPGRADE_OVER;
        upgrade->deadline_us = SLOT_NEVER;
        stay_follow(&upgrade->stay, upgrade->pid);
        leave(master, is_queue_shared != 0);
    }
}

static void read_channel(struct master *master)
{
    struct upgrade *upgrade = master->upgrade;
    char text[MESSAGE_BYTES];
    ssize_t len;

    while (upgrade->state == UPGRADE_RUNNING && upgrade->channel_fd >= 0) {
        len = recv(upgrade->channel_fd, text, sizeof(text) - 1, MSG_DONTWAIT);
        if (len < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (len <= 0) {
            fd_close(&upgrade->channel_fd);
            return;
        }
        text[len] = '\0';
        take_message(master, text);
    }
}

void upgrade_step(struct master *master)
{
    struct upgrade *upgrade = master->upgrade;

    if (upgrade == NULL)
        return;
    if (upgrade->state == UPGRADE_WANTED) {
        if (is_stopping(master))
            upgrade->state = UPGRADE_NONE;
        else if (master->coming == 0 && !master->reload.is_wanted && !handover_is_pending(master))
            begin(master);
    }
    if (master->phase == MASTER_RUNNING)
        read_channel(master);
    if (upgrade_is_running(master) && upgrade->deadline_us <= clock_now_us())
        end_it(master, "the new master has not become ready in time (--boot-timeout)");
}

/* --- Ends --- */

static const char *describe_end(char *text, size_t size, int wait_status)
{
    if (WIFSIGNALED(wait_status))
        snprintf(text, size, "the new master was killed by %s", death_signal_name(WTERMSIG(wait_status)));
    else
        snprintf(text, size, "the new master has ended with status %d; the reasons are above",
                 WEXITSTATUS(wait_status));
    return text;
}

bool upgrade_bury(struct master *master, pid_t pid, int wait_status)
{
    struct upgrade *upgrade = master->upgrade;
    char text[FAILURE_BYTES];

    if (upgrade == NULL || upgrade->pid == 0 || pid != upgrade->pid)
        return upgrade != NULL && stay_bury(&upgrade->stay, pid, wait_status);
    read_channel(master); /* its last words */
    if (upgrade->state == UPGRADE_OVER) {
        (void)stay_bury(&upgrade->stay, pid, wait_status);
        return true;
    }
    describe_end(text, sizeof(text), wait_status);
    if (upgrade->failure[0] != '\0')
        snprintf(text, sizeof(text), "%s", upgrade->failure);
    if (!is_stopping(master)) {
        roll_back(master, text);
    } else {
        keep_pidfile(master, pid);
        forget(upgrade);
    }
    return true;
}

void upgrade_stop(struct master *master)
{
    if (!upgrade_is_running(master))
        return;
    log_info("the upgrade is given up: the server stops");
    end_it(master, "the server stops");
}

void upgrade_end(struct master *master)
{
    struct pollfd signals = {.fd = master->signal_fd, .events = POLLIN};

    while (upgrade_is_running(master)) {
        int64_t left_us = master->upgrade->deadline_us - clock_now_us();

        if (left_us > 0)
            poll(&signals, 1, (int)(left_us / 1000 + 1));
        else
            end_it(master, "the server stops");
        while (role_signals_next(master->signal_fd) != 0)
            continue;
        supervise_reap(master);
    }
}

int upgrade_watched_fd(const struct master *master)
{
    return master->upgrade != NULL && master->upgrade->state == UPGRADE_RUNNING ? master->upgrade->channel_fd : -1;
}

int64_t upgrade_next_us(const struct master *master)
{
    return upgrade_is_running(master) ? master->upgrade->deadline_us : SLOT_NEVER;
}

void upgrade_close_in_child(struct master *master)
{
    if (master->upgrade == NULL)
        return;
    fd_close(&master->upgrade->channel_fd);
    stay_close(&master->upgrade->stay);
}

int upgrade_finish(struct master *master, int exit_status)
{
    struct upgrade *upgrade = master->upgrade;

    if (upgrade == NULL)
        return exit_status;
    fd_close(&upgrade->channel_fd);
    passing_fini(&upgrade->passing);
    if (upgrade->state == UPGRADE_OVER && stay_is_needed())
        exit_status = stay_until_end(&upgrade->stay);
    stay_close(&upgrade->stay);
    free(upgrade);
    master->upgrade = NULL;
    return exit_status;
}
