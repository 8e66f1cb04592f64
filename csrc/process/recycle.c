/* SPDX-License-Identifier: MIT */
#include "recycle.h"

#include <stdlib.h>
#include <sys/random.h>

#include "clock.h"
#include "config.h"
#include "log.h"
#include "master_priv.h"

static const int64_t AGAIN_FIRST_US = 1000 * 1000;
static const int64_t AGAIN_MOST_US = 60 * 1000 * 1000;

enum { AGE_JITTER = 10 /* a tenth of it, lest all go at once */ };

/* A worker asks once, maybe before it serves: the requests of --warmup count as well. */
void recycle_ask(struct master *master, struct slot *slot, enum restart_cause cause)
{
    char name[SLOT_NAME_BYTES];
    bool is_current = slot->generation == master->generation || slot->generation == master->coming;

    if (!slot_is_wanted(slot) || !is_current || slot->recycle_cause >= 0)
        return;
    slot->recycle_cause = (int)cause;
    slot->recycle_us = clock_now_us();
    log_info("%s is to be replaced (%s)", slot_format_name(slot, name), restarts_label(cause));
}

/* --- The one under way --- */

static struct slot *find_successor(const struct master *master)
{
    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot)) {
        if (slot->replaces != 0 && !slot->is_last)
            return slot;
    }
    return NULL;
}

/* NULL: it has gone by itself. */
static struct slot *find_predecessor(const struct master *master, const struct slot *successor)
{
    return crew_find_serial(&master->crew, successor->number, successor->replaces);
}

/* The first pause is short, the next ones are longer. */
static void put_off(struct slot *slot)
{
    int64_t pause_us = slot->recycle_pause_us > 0 ? 2 * slot->recycle_pause_us : AGAIN_FIRST_US;

    slot->recycle_pause_us = pause_us < AGAIN_MOST_US ? pause_us : AGAIN_MOST_US;
    slot->recycle_us = clock_now_us() + slot->recycle_pause_us;
}

static void fail(struct master *master, struct slot *successor, struct slot *predecessor)
{
    char name[SLOT_NAME_BYTES];

    supervise_end(master, successor, RESTART_RELOAD);
    put_off(predecessor);
    log_error("%s serves on, for its successor has failed: next attempt in %g s", slot_format_name(predecessor, name),
              (double)predecessor->recycle_pause_us / 1e6);
}

static void follow(struct master *master, struct slot *successor)
{
    struct slot *predecessor = find_predecessor(master, successor);

    if (predecessor == NULL || !slot_is_wanted(predecessor)) {
        /* Its place is taken already. */
        for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot)) {
            if (slot != successor && slot->number == successor->number && slot->generation == successor->generation)
                slot->is_last = true;
        }
        successor->replaces = 0;
    } else if (slot_is_broken(successor)) {
        fail(master, successor, predecessor);
    } else if (successor->state == SLOT_HELD) {
        successor->replaces = 0;
        supervise_let_go(master, successor);
        supervise_end(master, predecessor, (enum restart_cause)predecessor->recycle_cause);
    }
}

void recycle_stop(struct master *master)
{
    struct slot *successor = find_successor(master);

    if (successor != NULL)
        supervise_end(master, successor, RESTART_RELOAD);
}

/* --- The next one --- */

/* 0.9 to 1.1 of --max-worker-age. */
static int64_t choose_age_us(const struct master *master)
{
    int64_t age_us = master->config->max_worker_age_ms * 1000, spread_us = age_us / AGE_JITTER;
    uint64_t random = 0;

    (void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
    return age_us - spread_us + (int64_t)(random % (uint64_t)(2 * spread_us + 1));
}

static void look_at_age(struct master *master, struct slot *slot, int64_t now_us)
{
    if (master->config->max_worker_age_ms == 0 || slot->recycle_cause >= 0)
        return;
    if (slot->retire_us == 0)
        slot->retire_us = slot->ready_us + choose_age_us(master);
    if (slot->retire_us <= now_us)
        recycle_ask(master, slot, RESTART_AGE);
}

static bool is_due(const struct slot *slot, int64_t now_us)
{
    return slot->recycle_cause >= 0 && slot->recycle_us <= now_us;
}

static void begin(struct master *master, struct slot *slot)
{
    struct slot *successor = crew_add(&master->crew, slot->number, slot->generation, clock_now_us());

    if (successor == NULL)
        put_off(slot);
    else
        successor->replaces = slot->serial;
}

void recycle_step(struct master *master)
{
    struct slot *successor = find_successor(master), *first = NULL;
    int64_t now_us = clock_now_us();

    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot)) {
        if (slot->number <= 0 || slot->state != SLOT_READY || slot->generation != master->generation)
            continue;
        look_at_age(master, slot, now_us);
        if (is_due(slot, now_us) && (first == NULL || slot->recycle_us < first->recycle_us))
            first = slot;
    }
    if (successor != NULL)
        follow(master, successor);
    else if (first != NULL)
        begin(master, first);
}

int64_t recycle_next_us(const struct master *master)
{
    bool is_busy = find_successor(master) != NULL;
    int64_t next_us = SLOT_NEVER;

    if (master->coming != 0) /* a reload replaces them all */
        return SLOT_NEVER;
    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot)) {
        int64_t due_us = SLOT_NEVER;

        if (slot->state != SLOT_READY || slot->generation != master->generation)
            continue;
        if (slot->recycle_cause >= 0)
            due_us = is_busy ? SLOT_NEVER : slot->recycle_us;
        else if (slot->retire_us != 0)
            due_us = slot->retire_us;
        next_us = due_us < next_us ? due_us : next_us;
    }
    return next_us;
}
