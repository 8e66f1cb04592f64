/* SPDX-License-Identifier: MIT */
#include "generation.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "config.h"
#include "directory.h"
#include "fd.h"
#include "handover.h"
#include "log.h"
#include "master_priv.h"
#include "notice.h"
#include "recycle.h"
#include "scale.h"
#include "scoreboard.h"
#include "upgrade.h"

enum { TEXT_BYTES = 600, APPLICATION_PAUSE_US = 5 * 1000 * 1000 };

/* --- Places --- */

/* False when there is no room. */
static bool add_generation(struct master *master, int generation, int worker_count)
{
    int64_t now_us = clock_now_us();

    if (crew_room(&master->crew) < worker_count)
        return false;
    if (master->crew.has_zygotes && crew_add(&master->crew, 0, generation, now_us) == NULL)
        return false;
    for (int number = 1; number <= worker_count; number++)
        (void)crew_add(&master->crew, number, generation, now_us);
    return true;
}

bool generation_begin(struct master *master)
{
    master->generation = master->last_generation = 1;
    atomic_store(&master->scoreboard->totals->worker_count, (int32_t)master->config->workers);
    return add_generation(master, master->generation, (int)master->config->workers);
}

static void remove_ended(struct master *master)
{
    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot)) {
        if (slot->is_last && slot->state == SLOT_EMPTY)
            crew_remove(slot);
    }
}

static void end_generation(struct master *master, int generation)
{
    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot)) {
        if (slot->generation == generation)
            supervise_end(master, slot, RESTART_RELOAD);
    }
}

static void let_go(struct master *master, int generation)
{
    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot)) {
        if (slot->generation == generation && slot->state == SLOT_HELD && slot->replaces == 0)
            supervise_let_go(master, slot);
    }
}

/* --- The result --- */

static void report(struct master *master, bool is_failed, const char *text)
{
    board_reload_finish(&master->scoreboard->totals->reload, master->reload.number, is_failed, master->generation,
                        text);
    master->coming = 0;
}

static bool does_serve(const struct master *master)
{
    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot)) {
        if (slot->generation == master->generation && slot->number > 0 && slot->state == SLOT_READY)
            return true;
    }
    return false;
}

static void fail(struct master *master)
{
    const char *why = master->reload.failure[0] != '\0' ? master->reload.failure : "a process could not be started";
    char text[TEXT_BYTES];

    if (master->awaits_change)
        snprintf(text, sizeof(text), "reload failed: %s; nobody serves until the next one", why);
    else if (does_serve(master))
        snprintf(text, sizeof(text), "reload failed: %s; generation %d serves on", why, master->generation);
    else
        snprintf(text, sizeof(text), "reload failed: %s; of generation %d no worker serves now", why,
                 master->generation);
    log_error("%s", text);
    end_generation(master, master->coming);
    fd_close(&master->coming_directory_fd);
    report(master, true, text);
}

static void change_over(struct master *master)
{
    int before = master->generation, leaving = crew_count_taken(&master->crew, before);
    int count = crew_count(&master->crew, master->coming);
    char text[TEXT_BYTES];

    master->generation = master->coming;
    fd_close(&master->directory_fd);
    master->directory_fd = master->coming_directory_fd;
    master->coming_directory_fd = -1;
    master->awaits_change = false;
    atomic_store(&master->scoreboard->totals->generation, master->generation);
    let_go(master, master->generation);
    end_generation(master, before);
    snprintf(text, sizeof(text), "reload done: generation %d serves with %d worker%s after %.0f ms", master->generation,
             count, count == 1 ? "" : "s", (double)(clock_now_us() - master->reload.began_us) / 1e3);
    log_info("%s; %d of generation %d finish%s what %s begun", text, leaving, before, leaving == 1 ? "es" : "",
             leaving == 1 ? "it has" : "they have");
    report(master, false, text);
}

/* --- A reload --- */

void generation_note_failure(struct master *master, const struct slot *slot, const char *why)
{
    char name[SLOT_NAME_BYTES];

    if (master->coming == 0 || slot->generation != master->coming || master->reload.failure[0] != '\0')
        return;
    snprintf(master->reload.failure, sizeof(master->reload.failure), "%s %s", slot_format_name(slot, name), why);
}

static bool has_broken(const struct master *master)
{
    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot)) {
        if (slot->generation == master->coming && slot_is_broken(slot))
            return true;
    }
    return false;
}

static void follow(struct master *master)
{
    if (has_broken(master))
        fail(master);
    else if (crew_are_all(&master->crew, master->coming, SLOT_HELD))
        change_over(master);
}

static void wait_for_room(struct master *master)
{
    int room = crew_room(&master->crew);

    if (!master->reload.waits_for_room)
        log_warning("the reload waits until workers of earlier generations have finished what they have begun: "
                    "there is room for %d more worker%s",
                    room, room == 1 ? "" : "s");
    master->reload.waits_for_room = true;
}

/* It is begun, or has failed. */
static void take_up(struct reload *reload)
{
    reload->is_wanted = false;
    reload->waits_for_room = false;
    reload->number = reload->last_number;
    reload->began_us = clock_now_us();
    reload->failure[0] = '\0';
}

static void fail_to_begin(struct master *master, int error)
{
    const char *chdir = master->config->chdir;

    take_up(&master->reload);
    snprintf(master->reload.failure, sizeof(master->reload.failure), "the directory of %s%s cannot be found: %s",
             chdir != NULL ? "--chdir " : "the start", chdir != NULL ? chdir : "", strerror(error));
    fail(master);
}

static void begin(struct master *master)
{
    int count = crew_count(&master->crew, master->generation), generation = master->last_generation + 1;
    int directory_fd = directory_open(master->config, master->launch);

    if (directory_fd < 0) {
        fail_to_begin(master, -directory_fd);
        return;
    }
    if (count == 0)
        count = (int)master->config->workers;
    if (!add_generation(master, generation, count)) {
        fd_close(&directory_fd);
        wait_for_room(master);
        return;
    }
    recycle_stop(master);
    take_up(&master->reload);
    master->coming = master->last_generation = generation;
    master->coming_directory_fd = directory_fd;
    if (master->awaits_change)
        log_info("reload: starting generation %d, %d worker%s", generation, count, count == 1 ? "" : "s");
    else
        log_info("reload: starting generation %d, %d worker%s; generation %d serves until all of it is ready",
                 generation, count, count == 1 ? "" : "s", master->generation);
}

void generation_ask_reload(struct master *master)
{
    if (master->phase != MASTER_RUNNING || master->is_told_to_stop) {
        log_warning("the server stops: the reload that was asked for is not begun");
        return;
    }
    board_reload_ask(&master->scoreboard->totals->reload, ++master->reload.last_number);
    if (master->coming != 0)
        log_info("a reload is under way: another one follows it");
    master->reload.is_wanted = true;
}

/* Whoever has taken over a worker could have the server do nothing else. */
void generation_ask_for_application(struct master *master, const struct slot *slot)
{
    char name[SLOT_NAME_BYTES];
    struct reload *reload = &master->reload;

    if (!master->config->uwsgi_module || slot->ready_us == 0 || reload->application_waits)
        return;
    reload->application_waits = true;
    log_info("%s: the application asks for a reload%s", slot_format_name(slot, name),
             clock_now_us() < reload->application_us ? ": within 5 s of the last one that it asked for, so it waits"
                                                     : "");
}

int64_t generation_next_us(const struct master *master)
{
    return master->reload.application_waits && master->phase == MASTER_RUNNING ? master->reload.application_us
                                                                               : SLOT_NEVER;
}

static void reload_for_application(struct master *master)
{
    if (!master->reload.application_waits || clock_now_us() < master->reload.application_us)
        return;
    master->reload.application_waits = false;
    master->reload.application_us = clock_now_us() + APPLICATION_PAUSE_US;
    generation_ask_reload(master);
}

void generation_await_change(struct master *master)
{
    log_error("no worker could be started with the application '%s'; the reasons are above. With the next change of a "
              "file (--reload) it is tried again",
              master->config->app.given);
    master->awaits_change = true;
    end_generation(master, master->generation);
}

void generation_step(struct master *master)
{
    remove_ended(master);
    if (master->phase != MASTER_RUNNING)
        return;
    reload_for_application(master);
    if (handover_step(master))
        return;
    let_go(master, master->generation);
    if (master->coming != 0)
        follow(master);
    if (master->coming == 0 && !master->awaits_change) {
        scale_step(master);
        recycle_step(master);
    }
    if (master->coming == 0 && master->reload.is_wanted && !upgrade_is_running(master))
        begin(master);
}

/* The clients that wait are this server's if the old master has let go, also when the signal was read first. */
void generation_stop_begin(struct master *master)
{
    if (handover_stop(master))
        let_go(master, master->generation);
}

void generation_stop(struct master *master)
{
    if (master->coming == 0 && !master->reload.is_wanted)
        return;
    master->reload.number = master->reload.last_number;
    report(master, true, "reload failed: the server stops");
}
