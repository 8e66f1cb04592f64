/* SPDX-License-Identifier: MIT */
#include "stay.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attrs.h"
#include "death.h"
#include "fd.h"
#include "log.h"
#include "role_signals.h"

static const int passed_on[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU};

void stay_init(struct stay *stay)
{
    *stay = (struct stay){.ends = {-1, -1}};
}

bool stay_is_needed(void)
{
    return getpid() == 1;
}

int stay_open(struct stay *stay)
{
    if (stay_is_needed() && stay->ends[0] < 0 && fd_pipe(stay->ends) < 0)
        return -errno;
    return stay->ends[1];
}

void stay_close(struct stay *stay)
{
    fd_close(&stay->ends[0]);
    fd_close(&stay->ends[1]);
}

void stay_follow(struct stay *stay, pid_t pid)
{
    stay->pid = pid;
    stay->has_ended = false;
}

void stay_tell(int keeper_fd, pid_t pid)
{
    const int32_t number = pid;

    if (keeper_fd >= 0)
        (void)!write(keeper_fd, &number, sizeof(number));
}

/* The one that serves may have been followed by another, which has become a child of process 1 by now. */
static void look_who_serves(struct stay *stay)
{
    int32_t number;

    while (stay->ends[0] >= 0 && read(stay->ends[0], &number, sizeof(number)) == (ssize_t)sizeof(number))
        stay_follow(stay, number);
}

void stay_pass_on(struct stay *stay, int number)
{
    look_who_serves(stay);
    if (stay->pid > 0 && !stay->has_ended)
        kill(stay->pid, number);
}

bool stay_bury(struct stay *stay, pid_t pid, int wait_status)
{
    look_who_serves(stay);
    if (stay->pid == 0 || pid != stay->pid)
        return false;
    stay->has_ended = true;
    stay->wait_status = wait_status;
    return true;
}

static void reap(struct stay *stay)
{
    int wait_status;
    pid_t pid;

    while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0)
        (void)stay_bury(stay, pid, wait_status);
}

static void wait_for_signals(struct stay *stay, const sigset_t *signals)
{
    int number = sigwaitinfo(signals, NULL);

    for (size_t i = 0; i < ARRAY_COUNT(passed_on); i++) {
        if (passed_on[i] == number)
            stay_pass_on(stay, number);
    }
}

int stay_until_end(struct stay *stay)
{
    sigset_t signals;

    log_info("process 1 stays, and passes signals on to master %d", (int)stay->pid);
    prctl(PR_SET_NAME, "clutch: init");
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    for (size_t i = 0; i < ARRAY_COUNT(passed_on); i++)
        sigaddset(&signals, passed_on[i]);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    for (reap(stay); !stay->has_ended; reap(stay))
        wait_for_signals(stay, &signals);
    if (WIFEXITED(stay->wait_status))
        return WEXITSTATUS(stay->wait_status);
    log_critical("master %d was killed by %s", (int)stay->pid, death_signal_name(WTERMSIG(stay->wait_status)));
    return role_signals_exit_status(WTERMSIG(stay->wait_status));
}
