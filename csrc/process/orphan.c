/* SPDX-License-Identifier: MIT */
#include "orphan.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "inherit.h"
#include "listener.h"
#include "log.h"

/* The kernel does it, whatever Python and the loop are doing then. A fork of the application's does not inherit it. */
bool orphan_end_after(int64_t timeout_ms)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    const struct itimerspec after = {.it_value = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000}};
    timer_t timer;

    return timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &after, NULL) == 0;
}

void orphan_begin(const struct inherit *inherit)
{
    int64_t timeout_ms = inherit->config->graceful_timeout_ms;

    for (size_t i = 0; i < inherit->listener_count; i++)
        close(inherit->listeners[i].fd);
    if (timeout_ms > 0 && orphan_end_after(timeout_ms))
        log_error("the master has gone: this worker ends when it has finished what it has begun, or in %g s "
                  "(--graceful-timeout)",
                  (double)timeout_ms / 1e3);
    else
        log_error("the master has gone: this worker ends when it has finished what it has begun");
}
