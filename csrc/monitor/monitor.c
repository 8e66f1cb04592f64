/* SPDX-License-Identifier: MIT
 * Two threads that share nothing but the board: who waits for an answer of the control socket (a stack takes up to a
 * second) holds up no probe. */
#include "monitor.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "control_answers.h"
#include "control_peers.h"
#include "exchange.h"
#include "fd.h"
#include "log.h"
#include "monitor_answers.h"
#include "monitor_service.h"

struct metrics {
    const struct monitor_task *task;
    struct monitor_answers answers;
};

static void serve_metrics(void *context, struct exchange *exchange)
{
    struct metrics *metrics = context;

    monitor_answers_serve(&metrics->answers, exchange);
}

static bool goes_on(void *context)
{
    const struct metrics *metrics = context;

    return metrics->task->goes_on != NULL && metrics->task->goes_on(metrics->task->context);
}

static int run_metrics(const struct monitor_task *task)
{
    struct metrics metrics = {.task = task};
    const struct monitor_service service = {
        .listeners = task->listeners,
        .listener_count = task->listener_count,
        .control_fd = task->control_fd,
        .context = &metrics,
        .goes_on = goes_on,
        .serve = serve_metrics,
    };
    int result;

    if (monitor_answers_init(&metrics.answers, task) < 0) {
        log_error("the monitor could not be set up: out of memory");
        return -1;
    }
    result = monitor_service_run(&service);
    monitor_answers_fini(&metrics.answers);
    return result;
}

/* --- The control socket --- */

struct control {
    const struct monitor_task *task;
    int end_fd; /* readable: it is to end */
    struct control_answers answers;
    struct control_peers peers;
};

static void serve_control(void *context, struct exchange *exchange)
{
    struct control *control = context;

    control_answers_serve(&control->answers, exchange);
}

static bool is_welcome(void *context, int fd)
{
    struct control *control = context;

    return control_peers_is_welcome(&control->peers, fd);
}

static void *run_control(void *context)
{
    struct control *control = context;
    const struct monitor_service service = {
        .listeners = control->task->control,
        .listener_count = 1,
        .control_fd = control->end_fd,
        .context = control,
        .serve = serve_control,
        .is_welcome = is_welcome,
    };

    if (monitor_service_run(&service) < 0)
        log_error("the control socket is not answered");
    return NULL;
}

/* The control socket is served until the rest has ended. */
static int run_beside(struct control *control)
{
    const uint64_t one = 1;
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, run_control, control), result;

    if (failed != 0) {
        log_error("cannot start the thread that answers the control socket: %s", strerror(failed));
        return -1;
    }
    result = run_metrics(control->task);
    (void)!write(control->end_fd, &one, sizeof(one));
    pthread_join(thread, NULL);
    return result;
}

static int run_both(const struct monitor_task *task)
{
    struct control control = {.task = task, .peers = {.owner = task->owner}};
    int result = -1;

    if (control_answers_init(&control.answers, task) < 0) {
        log_error("the control socket could not be set up: out of memory");
        return -1;
    }
    control.end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (control.end_fd < 0)
        log_error("the control socket could not be set up: %s", strerror(errno));
    else
        result = run_beside(&control);
    fd_close(&control.end_fd);
    control_answers_fini(&control.answers);
    return result;
}

int monitor_serve(const struct monitor_task *task)
{
    int result = task->control != NULL ? run_both(task) : run_metrics(task);

    return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
