/* SPDX-License-Identifier: MIT
 * Whether the server lives, is ready, has started: the answers of /livez, /readyz and /startupz, read from the
 * scoreboard. In the monitor and, with --health-path, in the workers; without Python. */
#ifndef CLUTCH_HEALTH_H
#define CLUTCH_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "attrs.h"
#include "slice.h"

struct scoreboard;

struct health {
    const struct scoreboard *scoreboard; /* borrowed */
    /* Has the master go through its loop once, soon; never waits. */
    void (*poke)(void *context);
    void *context;
    int64_t poked_us; /* when that was done first without an answer since; 0: never */
    int64_t again_us; /* and last */
};

enum health_probe { HEALTH_NONE, HEALTH_LIVE, HEALTH_READY, HEALTH_STARTED };

/* A master that has not answered a poke for so long is taken for dead or stuck. */
enum { HEALTH_PATIENCE_US = 5000000 };

/* The probe at this path (as received, not decoded), or HEALTH_NONE. */
enum health_probe health_find(struct slice path);

/* Whether all is well as of `now_us` (clock_now_us()); *text says it in a line, static. From one thread at a time.
 *
 * LIVE: the master goes through its loop. An idle one sleeps without end, and is not woken every second for nothing: a
 * probe pokes it, and the next probe sees whether it has answered.
 * READY: some worker serves, and the server was not told to stop. STARTED: all workers have been ready once. */
bool health_ask(struct health *, enum health_probe, int64_t now_us, const char **text) MUST_CHECK;

#endif
