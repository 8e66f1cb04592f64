/* SPDX-License-Identifier: MIT */
#include "h1_sentry.h"

#include "h1_queue.h"
#include "h1_server_priv.h"
#include "own_thread.h"

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
    int result = own_thread_start(&server->sentry_thread, "clutch-sentry", STACK_BYTES, watch, server);

    server->has_sentry_thread = result == 0;
    return result;
}

void h1_sentry_stop(struct h1_server *server)
{
    if (!server->has_sentry_thread)
        return;
    drive_stop(&server->drive);
    pthread_join(server->sentry_thread, NULL);
    server->has_sentry_thread = false;
}
