/* SPDX-License-Identifier: MIT */
#include "trial.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "config.h"
#include "death.h"
#include "fork_guard.h"
#include "gateway.h"
#include "handoff.h"
#include "inherit.h"
#include "log.h"
#include "privileges.h"
#include "sandbox.h"
#include "standard_output.h"

enum { ERROR_BYTES = 1024 };

/* In the child. */
static void NORETURN load(const struct config *config, const struct gateway_ops *ops,
                          const struct privileges *privileges, struct sandbox *sandbox)
{
    const struct handoff none = {.take_fd = -1, .give_fd = -1};
    const struct inherit inherit = {.config = config,
                                    .gateway_ops = ops,
                                    .privileges = privileges,
                                    .sandbox = sandbox,
                                    .handoff = &none,
                                    .access_log_fd = -1};
    const struct birth birth = {.number = 1, .generation = 1, .control_fd = -1};
    static _Atomic(int32_t) worker_count;
    const struct gateway_place place = {
        .worker = 1, .worker_count = &worker_count, .thread_count = (int)config->threads, .generation = 1};
    struct gateway *gateway;

    worker_count = (int32_t)config->workers;
    child_enter(&inherit, &birth);
    /* What the application leaves behind holds no copy of our way into the log: its reader waits for the end. */
    if (fork_guard_arm(&inherit) < 0) {
        log_error("out of memory");
        exit(EXIT_FAILURE);
    }
    gateway = ops->start(config, &place);
    if (gateway == NULL)
        exit(CHILD_EXIT_APP);
    ops->stop(gateway);
    exit(EXIT_SUCCESS);
}

/* Its end and nothing else: the other end of a pipe may live on in a process that the application has forked. False
 * when the time is up. 0: no limit. */
static bool await_end(pid_t pid, const sigset_t *child_signal, int64_t timeout_ms, int *wait_status)
{
    int64_t deadline_us = timeout_ms > 0 ? clock_now_us() + timeout_ms * 1000 : INT64_MAX;
    int64_t left_us;

    while (waitpid(pid, wait_status, WNOHANG) == 0) {
        left_us = deadline_us - clock_now_us();
        if (left_us <= 0)
            return false;
        sigtimedwait(child_signal, NULL,
                     &(struct timespec){.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000});
    }
    return true;
}

/* Kills the child when it takes too long. Returns whether it ended well, after logging what it could not say itself. */
static bool await(pid_t pid, const sigset_t *child_signal, int64_t timeout_ms)
{
    int wait_status = -1;

    if (!await_end(pid, child_signal, timeout_ms, &wait_status)) {
        log_error("the application was not loaded within %g s (--boot-timeout)", (double)timeout_ms / 1e3);
        kill(pid, SIGKILL);
        while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
            ;
        return false;
    }
    if (WIFSIGNALED(wait_status))
        log_error("the process was killed by signal %d (%s)", WTERMSIG(wait_status),
                  death_signal_name(WTERMSIG(wait_status)));
    return wait_status == 0;
}

static int load_in_child(const struct config *config, const struct gateway_ops *ops,
                         const struct privileges *privileges, struct sandbox *sandbox)
{
    sigset_t child_signal;
    pid_t pid;

    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&child_signal);
    sigaddset(&child_signal, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_signal, NULL);
    pid = fork();
    if (pid < 0) {
        log_error("cannot start a process: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    if (pid == 0)
        load(config, ops, privileges, sandbox);
    return await(pid, &child_signal, config->boot_timeout_ms) ? EXIT_SUCCESS : CHILD_EXIT_APP;
}

int trial_run(const struct config *config, const struct gateway_ops *ops)
{
    char error[ERROR_BYTES];
    struct sandbox sandbox = SANDBOX_NONE;
    struct privileges privileges;
    int exit_status = EXIT_FAILURE;

    if (privileges_of_config(&privileges, config, error, sizeof(error)) < 0 ||
        sandbox_prepare(&sandbox, config, error, sizeof(error)) < 0)
        log_critical("%s", error);
    else
        exit_status = load_in_child(config, ops, &privileges, &sandbox);
    sandbox_fini(&sandbox);
    privileges_fini(&privileges);
    if (exit_status == EXIT_SUCCESS) {
        printf("clutch: the options are right and '%s' can be loaded\n", config->app.given);
        return standard_output_end();
    }
    log_critical("the server would not start with the application '%s'", config->app.given);
    return exit_status;
}
