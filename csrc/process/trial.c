/* SPDX-License-Identifier: MIT */
#include "trial.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "config.h"
#include "death.h"
#include "fd.h"
#include "gateway.h"
#include "log.h"
#include "privileges.h"

enum { ERROR_BYTES = 1024 };

/* In the child. */
static void NORETURN load(const struct config *config, const struct gateway_ops *ops,
                          const struct privileges *privileges)
{
    const struct inherit inherit = {
        .config = config, .gateway_ops = ops, .privileges = privileges, .access_log_fd = -1, .notify_fd = -1};
    const struct birth birth = {.number = 1, .control_fd = -1};
    const struct gateway_place place = {
        .worker = 1, .worker_count = (int)config->workers, .thread_count = 1, .generation = 1};
    struct gateway *gateway;

    child_enter(&inherit, &birth);
    gateway = ops->start(config, &place);
    if (gateway == NULL)
        exit(CHILD_EXIT_APP);
    ops->stop(gateway);
    exit(EXIT_SUCCESS);
}

/* Waits until the child has ended, which closes the other end of the pipe; kills it when it takes too long. Returns
 * whether it ended well, after logging what it could not say itself. */
static bool await(pid_t pid, int pipe_fd, int64_t timeout_ms)
{
    struct pollfd end = {.fd = pipe_fd, .events = POLLIN};
    bool is_late = poll(&end, 1, timeout_ms > 0 ? (int)timeout_ms : -1) == 0;
    int wait_status;

    if (is_late) {
        log_error("the application was not loaded within %g s (--boot-timeout)", (double)timeout_ms / 1e3);
        kill(pid, SIGKILL);
    }
    while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(wait_status) && !is_late)
        log_error("the process was killed by signal %d (%s)", WTERMSIG(wait_status),
                  death_signal_name(WTERMSIG(wait_status)));
    return wait_status == 0;
}

static int load_in_child(const struct config *config, const struct gateway_ops *ops,
                         const struct privileges *privileges)
{
    int ends[2];
    bool is_good;
    pid_t pid;

    signal(SIGCHLD, SIG_DFL);
    if (fd_pipe(ends) < 0 || (pid = fork()) < 0) {
        log_error("cannot start a process: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    if (pid == 0) {
        close(ends[0]);
        load(config, ops, privileges);
    }
    close(ends[1]);
    is_good = await(pid, ends[0], config->boot_timeout_ms);
    close(ends[0]);
    return is_good ? EXIT_SUCCESS : CHILD_EXIT_APP;
}

int trial_run(const struct config *config, const struct gateway_ops *ops)
{
    char error[ERROR_BYTES] = "--user and --group: only root can serve as somebody else";
    struct privileges privileges;
    int exit_status = EXIT_FAILURE;

    if (privileges_init(&privileges, config->user, config->group, error, sizeof(error)) < 0 ||
        !privileges_are_allowed(&privileges))
        log_critical("%s", error);
    else
        exit_status = load_in_child(config, ops, &privileges);
    privileges_fini(&privileges);
    if (exit_status == EXIT_SUCCESS)
        printf("clutch: the options are right and '%s' can be loaded\n", config->app.given);
    else
        log_critical("the server would not start with the application '%s'", config->app.given);
    return exit_status;
}
