/* SPDX-License-Identifier: MIT */
#include "health.h"

#include "scoreboard.h"

enum { POKE_EVERY_US = 1000000 };

static const struct {
    const char *path;
    enum health_probe probe;
} probes[] = {
    {"/livez", HEALTH_LIVE},
    {"/readyz", HEALTH_READY},
    {"/startupz", HEALTH_STARTED},
};

enum health_probe health_find(struct slice path)
{
    for (size_t i = 0; i < ARRAY_COUNT(probes); i++) {
        if (slice_equal(path, slice_of_string(probes[i].path)))
            return probes[i].probe;
    }
    return HEALTH_NONE;
}

static bool is_live(struct health *health, int64_t now_us, const char **text)
{
    int64_t beat_us = atomic_load_explicit(&health->scoreboard->totals->master_beat_us, memory_order_relaxed);
    bool has_answered;

    /* A broken worker may have written anything there: the next answer puts it right. */
    if (beat_us < 0 || beat_us > now_us + POKE_EVERY_US)
        beat_us = 0;
    has_answered = health->poked_us == 0 || beat_us >= health->poked_us;
    if (now_us - (has_answered ? beat_us : health->again_us) > POKE_EVERY_US) {
        health->again_us = now_us;
        if (has_answered)
            health->poked_us = now_us;
        health->poke(health->context);
    }
    if (!has_answered && now_us - health->poked_us > HEALTH_PATIENCE_US) {
        *text = "the master does not answer\n";
        return false;
    }
    *text = "live\n";
    return true;
}

static bool is_ready(const struct scoreboard *scoreboard, const char **text)
{
    if (atomic_load(&scoreboard->totals->is_stopping) != 0) {
        *text = "the server is stopping\n";
        return false;
    }
    for (int row = 0, end = scoreboard_row_end(scoreboard); row < end; row++) {
        if (atomic_load(&scoreboard_row(scoreboard, row)->state) == WORKER_READY) {
            *text = "ready\n";
            return true;
        }
    }
    *text = "no worker is ready\n";
    return false;
}

bool health_ask(struct health *health, enum health_probe probe, int64_t now_us, const char **text)
{
    if (probe == HEALTH_LIVE)
        return is_live(health, now_us, text);
    if (probe == HEALTH_READY)
        return is_ready(health->scoreboard, text);
    if (atomic_load(&health->scoreboard->totals->has_started) != 0) {
        *text = "started\n";
        return true;
    }
    *text = "not all workers have been ready yet\n";
    return false;
}
