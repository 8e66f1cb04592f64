/* SPDX-License-Identifier: MIT */
#include "successor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "fd.h"
#include "handover.h"
#include "launch.h"
#include "listener.h"
#include "log.h"
#include "master_priv.h"
#include "stay.h"

enum { MESSAGE_BYTES = 1024, EXIT_NOT_RUN = 127 };

/* --- What is passed --- */

struct listener *successor_find_listener(struct master *master, enum passed_kind kind, size_t index)
{
    struct monitor_keeper *monitor = &master->monitor;

    if (kind == PASSED_BIND)
        return index < master->listener_count ? &master->listeners[index] : NULL;
    if (kind == PASSED_METRICS)
        return index < monitor->listener_count ? &monitor->listeners[index] : NULL;
    return index == 0 && monitor->control.fd >= 0 ? &monitor->control : NULL;
}

/* A manager's sockets keep their address whatever the options say. */
static struct passed_listener describe(const struct listener *listener, enum passed_kind kind)
{
    return (struct passed_listener){
        .fd = listener->fd,
        .kind = kind,
        .is_kept = listener->is_kept,
        .device = listener->path[0] != '\0' ? listener->device : 0,
        .inode = listener->path[0] != '\0' ? listener->inode : 0,
        .address = listener->is_kept ? "" : listener->address,
    };
}

static int collect(struct master *master, struct passing *passing)
{
    passing->listeners =
        calloc(master->listener_count + master->monitor.listener_count + PASSED_KINDS, sizeof(*passing->listeners));
    if (passing->listeners == NULL)
        return -1;
    for (int kind = 0; kind < PASSED_KINDS; kind++) {
        struct listener *listener;

        for (size_t i = 0; (listener = successor_find_listener(master, (enum passed_kind)kind, i)) != NULL; i++)
            passing->listeners[passing->count++] = describe(listener, (enum passed_kind)kind);
    }
    return 0;
}

/* --- The child --- */

static void keep_over_exec(int fd)
{
    if (fd >= 0)
        fcntl(fd, F_SETFD, 0);
}

static void keep_passed(const struct passing *passing)
{
    keep_over_exec(passing->channel_fd);
    keep_over_exec(passing->keeper_fd);
    keep_over_exec(passing->take_fd);
    keep_over_exec(passing->give_fd);
    for (size_t i = 0; i < passing->count; i++)
        keep_over_exec(passing->listeners[i].fd);
}

static void NORETURN fail(const struct passing *passing, const char *what, const char *path)
{
    char text[MESSAGE_BYTES];
    int len = snprintf(text, sizeof(text), "failed %s %s: %s", what, path, strerror(errno));

    (void)!send(passing->channel_fd, text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1, MSG_NOSIGNAL);
    _exit(EXIT_NOT_RUN);
}

/* As this master was started. The signals that mean nothing to a start stay ignored until the new master knows them. */
static void NORETURN become_successor(const struct launch *launch, const struct passing *passing,
                                      char *const *environment)
{
    sigset_t none;

    if (stay_is_needed()) /* signals to the group of process 1 come from there */
        setpgid(0, 0);
    umask(launch->umask);
    if (chdir(launch->directory) < 0)
        fail(passing, "the directory that the server was started in cannot be entered,", launch->directory);
    keep_passed(passing);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(launch->program, launch->arguments, environment);
    fail(passing, "the program cannot be run,", launch->program);
}

/* --- The start --- */

/* The environment of this master's start and one variable more. Owned by the caller, but for the other texts. */
static char **make_environment(const struct launch *launch, const struct passing *passing)
{
    size_t count = 0;
    char **environment, *text = passing_format(passing);

    while (launch->environment[count] != NULL)
        count++;
    environment = calloc(count + 2, sizeof(*environment));
    if (environment == NULL || text == NULL || asprintf(&environment[0], LAUNCH_PASSED "=%s", text) < 0) {
        free(environment);
        free(text);
        return NULL;
    }
    memcpy(environment + 1, launch->environment, count * sizeof(*environment));
    free(text);
    return environment;
}

static pid_t start(struct master *master, const struct passing *passing)
{
    char **environment = make_environment(master->launch, passing);
    pid_t pid = -1;

    errno = ENOMEM;
    if (environment != NULL) {
        pid = fork();
        if (pid == 0)
            become_successor(master->launch, passing, environment);
        free(environment[0]);
    }
    free(environment);
    return pid;
}

/* Process 1 stays; whoever follows it tells it who follows next. */
static int keeper_for(const struct master *master, struct stay *stay)
{
    return stay_is_needed() ? stay_open(stay) : handover_keeper_fd(master);
}

pid_t successor_start(struct master *master, struct passing *passing, struct stay *stay, int *channel_fd, char *error,
                      size_t size)
{
    int ends[2];
    pid_t pid;

    *passing = (struct passing){
        .from = getpid(),
        .keeper_fd = keeper_for(master, stay),
        .take_fd = master->handoff.take_fd,
        .give_fd = master->handoff.give_fd,
        .queue_format = handoff_format(),
    };
    if (master->launch == NULL || master->launch->program == NULL || master->launch->directory == NULL) {
        snprintf(error, size, "when this server was started its program or its directory had no name any more");
        return -1;
    }
    if (collect(master, passing) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        snprintf(error, size, "a new master cannot be started: %s", strerror(errno));
        return -1;
    }
    passing->channel_fd = ends[1];
    pid = start(master, passing);
    if (pid < 0)
        snprintf(error, size, "a new master cannot be started: %s", strerror(errno));
    close(ends[1]);
    passing->channel_fd = -1;
    if (pid < 0)
        fd_close(&ends[0]);
    *channel_fd = ends[0];
    return pid;
}
