/* SPDX-License-Identifier: MIT
 * Waits without the GIL until it is called, takes the GIL, does what is wanted. */
#include "python_api.h"

#include "watchdog.h"

#include <string.h>

#include "futex.h"
#include "log.h"
#include "own_thread.h"
#include "python_gateway_priv.h"
#include "runtime.h"

enum { STACK_BYTES = 1 << 20 };

static void *watch(void *context)
{
    struct gateway *gateway = context;
    struct watchdog *watchdog = &gateway->watchdog;
    PyThreadState *state = PyThreadState_New(PyInterpreterState_Main());
    uint32_t seen = 0;

    if (state == NULL)
        return NULL;
    while (!atomic_load(&watchdog->is_over)) {
        uint32_t calls = atomic_load(&watchdog->calls);

        if (calls == seen) {
            futex_wait(&watchdog->calls, seen, -1);
            continue;
        }
        seen = calls;
        runtime_enter(state);
        python_stacks_dump_if_wanted(&gateway->stacks);
        interrupt_raise(gateway);
        state = runtime_leave();
    }
    runtime_enter(state);
    PyThreadState_Clear(state);
    PyThreadState_DeleteCurrent();
    return NULL;
}

static int start(struct gateway *gateway)
{
    int result = own_thread_start(&gateway->watchdog.thread, "clutch-watchdog", STACK_BYTES, watch, gateway);

    if (result < 0) {
        log_error("cannot start the thread that looks after stuck requests: %s", strerror(-result));
        return -1;
    }
    gateway->watchdog.is_started = true;
    return 0;
}

int watchdog_call(struct gateway *gateway)
{
    atomic_fetch_add(&gateway->watchdog.calls, 1);
    if (!gateway->watchdog.is_started)
        return start(gateway);
    futex_wake(&gateway->watchdog.calls);
    return 0;
}

void watchdog_stop(struct gateway *gateway)
{
    struct watchdog *watchdog = &gateway->watchdog;
    PyThreadState *state;

    if (!watchdog->is_started)
        return;
    state = runtime_leave();
    atomic_store(&watchdog->is_over, true);
    atomic_fetch_add(&watchdog->calls, 1);
    futex_wake(&watchdog->calls);
    pthread_join(watchdog->thread, NULL);
    watchdog->is_started = false;
    runtime_enter(state);
}
