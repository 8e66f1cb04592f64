/* SPDX-License-Identifier: MIT */
#include "scale.h"

#include "clock.h"
#include "config.h"
#include "log.h"
#include "master_priv.h"
#include "scoreboard.h"

void scale_ask(struct master *master, int difference)
{
    if (master->phase != MASTER_RUNNING)
        return;
    if (master->coming != 0)
        log_info("the number of workers changes when the reload is over");
    master->asked_workers += difference;
}

static void add_one(struct master *master, int count)
{
    int most = crew_most_workers((int)master->config->workers);
    const char *why = NULL;

    if (count >= most)
        why = "more need another start with a higher --workers";
    else if (crew_add(&master->crew, count + 1, master->generation, clock_now_us()) == NULL)
        why = "workers that were told to end still finish what they have begun";
    if (why != NULL)
        log_warning("there is no room for a worker more than %d: %s", count, why);
    else
        log_info("one worker more: %d", count + 1);
}

static void remove_one(struct master *master, int count)
{
    if (count == 1) {
        log_warning("the only worker stays");
        return;
    }
    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot)) {
        if (slot->number == count && slot->generation == master->generation)
            supervise_end(master, slot, RESTART_COUNT);
    }
    log_info("one worker less: %d", count - 1);
}

void scale_step(struct master *master)
{
    while (master->asked_workers != 0) {
        int count = crew_count(&master->crew, master->generation);

        if (master->asked_workers > 0)
            add_one(master, count);
        else
            remove_one(master, count);
        /* Before one more is started, which may ask. */
        atomic_store(&master->scoreboard->totals->worker_count, crew_count(&master->crew, master->generation));
        master->asked_workers += master->asked_workers > 0 ? -1 : 1;
    }
}
