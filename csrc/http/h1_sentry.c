/* SPDX-License-Identifier: MIT */
#include "h1_sentry.h"

#include <signal.h>

#include "h1_queue.h"
#include "h1_server_priv.h"

enum { STACK_BYTES = 256 * 1024 };

/* It has the drive: no app thread of this worker could take a request now. */
static void begin_driving(struct h1_server *server)
{
    server->sentry.is_driving = true;
    server->driver = &server->sentry;
    server->loop.waiting_flag = NULL;
    h1_queue_unwatch(server);
    h1_balance_set_load(server, HANDOFF_FULL_LOAD);
}

static void *watch(void *context)
{
    struct h1_server *server = context;

    while (drive_watch(&server->drive)) {
        begin_driving(server);
        while (!drive_is_wanted(&server->drive)) {
            /* A thread that could drive, but not run anything, waits for the GIL of its worker to be free. */
            server->loop.longest_wait_us = atomic_load(&server->drive.parked_count) > 0 ? DRIVE_TICK_US : 0;
            h1_server_step(server, true);
        }
        server->sentry.is_driving = false;
        drive_hand_over(&server->drive);
    }
    return NULL;
}

int h1_server_start_sentry(struct h1_server *server)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    /* Signals are for the main thread. */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&server->sentry_thread, &attributes, watch, server);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (failed != 0)
        return -failed;
    server->has_sentry_thread = true;
    pthread_setname_np(server->sentry_thread, "clutch-sentry");
    return 0;
}

void h1_sentry_stop(struct h1_server *server)
{
    if (!server->has_sentry_thread)
        return;
    drive_stop(&server->drive);
    pthread_join(server->sentry_thread, NULL);
    server->has_sentry_thread = false;
}
