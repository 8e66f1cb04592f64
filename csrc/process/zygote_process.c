/* SPDX-License-Identifier: MIT */
#include "zygote_process.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "config.h"
#include "fd.h"
#include "fork_guard.h"
#include "gateway.h"
#include "log.h"
#include "log_reopen.h"
#include "notice.h"
#include "passed_fds.h"
#include "role_signals.h"
#include "scoreboard.h"
#include "standard_fds.h"
#include "worker.h"

struct zygote {
    const struct inherit *inherit;
    struct birth birth;
    struct gateway *gateway;
};

/* --- Orders --- */

int zygote_process_order(int channel_fd, const struct birth *birth)
{
    return passed_fds_send(channel_fd, birth, sizeof(*birth), &birth->control_fd, 1);
}

/* Waits for the next order, and meanwhile takes the log files that were opened anew. The descriptor in it is the
 * caller's; -1 when there was no room for it. False at the end: the master wants no more, or has died. */
static bool receive_order(const struct inherit *inherit, int channel_fd, struct birth *order)
{
    struct passed_fds passed;
    struct notice_logs logs;
    ssize_t got;

    while ((got = passed_fds_receive(channel_fd, order, sizeof(*order), &passed, 0)) > 0 &&
           notice_read_logs(order, (size_t)got, &passed, &logs))
        log_reopen_take(inherit, &logs);
    order->control_fd = passed.count == 1 ? passed.fds[0] : -1;
    return got == (ssize_t)sizeof(*order);
}

/* --- Forks --- */

/* Waits until the parent `between` has ended, so that the application sees the master as its parent from the first
 * moment on. A kernel without pidfds (before 5.3) lets it see the other one for an instant. */
static void await_adoption(pid_t between)
{
    int fd = (int)syscall(SYS_pidfd_open, between, 0);

    /* Still our parent, so the descriptor is not that of a later process with its pid. */
    if (fd >= 0 && getppid() == between)
        poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
    fd_close(&fd);
}

/* In the grandchild. */
static void NORETURN become_worker(struct zygote *zygote, const struct birth *order, pid_t between)
{
    fd_close(&zygote->birth.control_fd);
    await_adoption(between);
    notice_send(order->control_fd, NOTICE_HATCHED, order->number, order->serial, 0);
    worker_run_hatched(zygote->inherit, order, zygote->gateway);
}

/* In the child, which ends at once so that the worker is the master's. It speaks for the worker: should that be killed
 * before its first step, the master knows its pid all the same. */
static void NORETURN run_between(struct zygote *zygote, const struct birth *order)
{
    pid_t between = getpid();
    pid_t pid = fork();

    if (pid == 0)
        become_worker(zygote, order, between);
    if (pid < 0) {
        log_error("cannot fork worker %d: %s", order->number, strerror(errno));
        _exit(EXIT_FAILURE);
    }
    notice_send(zygote->birth.control_fd, NOTICE_SPAWNED, order->number, order->serial, pid);
    _exit(EXIT_SUCCESS);
}

/* Waits for the process between; whether it could do its work. */
static bool reap(pid_t pid)
{
    int wait_status = -1;

    while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
        ;
    return wait_status == 0;
}

static void guard(const struct zygote *zygote)
{
    if (fork_guard_arm(zygote->inherit) < 0)
        log_warning("out of memory: children of the application keep copies of the server's descriptors");
}

static void hatch(struct zygote *zygote, struct birth *order)
{
    const struct gateway_ops *ops = zygote->inherit->gateway_ops;
    pid_t pid;

    ops->before_fork(zygote->gateway);
    fork_guard_disarm();
    pid = fork();
    if (pid == 0)
        run_between(zygote, order);
    if (pid < 0)
        log_error("cannot fork worker %d: %s", order->number, strerror(errno));
    guard(zygote);
    ops->after_fork_parent(zygote->gateway);
    fd_close(&order->control_fd);
    if (pid < 0 || !reap(pid))
        notice_send(zygote->birth.control_fd, NOTICE_SPAWN_FAILED, order->number, order->serial, 0);
}

static void refuse(const struct zygote *zygote, const struct birth *order)
{
    log_error("cannot fork worker %d: no descriptor is free; the application keeps too many files open for the limit "
              "(ulimit -n)",
              order->number);
    notice_send(zygote->birth.control_fd, NOTICE_SPAWN_FAILED, order->number, order->serial, 0);
}

/* --- Life --- */

static void load_application(struct zygote *zygote)
{
    const struct inherit *inherit = zygote->inherit;
    const struct gateway_place place = {
        .worker_count = &inherit->scoreboard->totals->worker_count,
        .thread_count = (int)inherit->config->threads,
        .generation = zygote->birth.generation,
        .app_metrics = inherit->app_metrics,
    };

    zygote->gateway = inherit->gateway_ops->start(inherit->config, &place);
    if (zygote->gateway == NULL) {
        notice_send(zygote->birth.control_fd, NOTICE_BOOT_FAILED, 0, zygote->birth.serial, 0);
        exit(CHILD_EXIT_APP);
    }
    inherit->gateway_ops->freeze(zygote->gateway);
}

void zygote_process_run(const struct inherit *inherit, const struct birth *birth)
{
    struct zygote zygote = {.inherit = inherit, .birth = *birth};
    struct birth order;

    child_enter(inherit, birth);
    guard(&zygote);
    child_tie(birth);
    load_application(&zygote);
    child_untie();
    role_signals_become_zygote();
    notice_send(birth->control_fd, NOTICE_READY, 0, birth->serial, 0);
    while (receive_order(inherit, zygote.birth.control_fd, &order)) {
        if (order.control_fd >= 0)
            hatch(&zygote, &order);
        else
            refuse(&zygote, &order);
    }
    /* Without the application's exit handlers: they belong to the workers, which may still need what the handlers would
     * remove. */
    _exit(EXIT_SUCCESS);
}
