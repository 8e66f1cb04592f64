/* SPDX-License-Identifier: MIT
 * Misses are counted, not time: where the whole container was stopped for a while, so was the master, and everybody has
 * the chance to answer. */
#include "liveness.h"

#include <stdio.h>
#include <string.h>

#include "config.h"
#include "death.h"
#include "log.h"
#include "master_priv.h"
#include "notice.h"
#include "scoreboard.h"

enum { MOST_MISSES = 3, STAT_BYTES = 512 };

/* The letter of /proc/PID/stat, behind the name in parentheses (proc(5)); '?' when it cannot be read. */
static char process_state(pid_t pid)
{
    char path[64], text[STAT_BYTES] = "";
    const char *end;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    if (file == NULL)
        return '?';
    if (fgets(text, sizeof(text), file) == NULL)
        text[0] = '\0';
    fclose(file);
    end = strrchr(text, ')');
    return end != NULL && end[1] == ' ' && end[2] != '\0' ? end[2] : '?';
}

static const char *describe_state(char letter)
{
    switch (letter) {
    case 'R':
        return "it runs";
    case 'S':
        return "it sleeps";
    case 'D':
        return "it hangs in the kernel";
    case 'T':
        return "it has been stopped";
    default:
        return "its state is not known";
    }
}

static void kill_lifeless(struct master *master, struct slot *slot, char state, int64_t now_us)
{
    char name[SLOT_NAME_BYTES], request[DEATH_TEXT_BYTES] = "idle";

    slot->end_cause = RESTART_LIVENESS;
    if (slot->number > 0)
        death_describe_requests(request, sizeof(request), master->scoreboard, slot->row, now_us);
    log_error("%s has given no sign of life for %g s (--liveness-timeout), %s (%c): killed, %s",
              slot_format_name(slot, name), (double)master->config->liveness_timeout_ms / 1e3, describe_state(state),
              state, request);
    if (slot->number > 0)
        death_log_requests(LOG_LEVEL_ERROR, slot, master->scoreboard, now_us);
    supervise_kill(master, slot);
}

static void ask(struct slot *slot, uint32_t beats)
{
    slot->beats = beats;
    slot->is_asked = true;
    slot->misses = 0;
    notice_let_go(slot->control_fd);
}

static void look(struct master *master, struct slot *slot, uint32_t beats, int64_t now_us)
{
    char state;

    if (!slot->is_asked || beats != slot->beats) {
        ask(slot, beats);
        return;
    }
    slot->misses++;
    if (slot->misses < MOST_MISSES)
        return;
    state = process_state(slot->pid);
    if (state == 't') /* somebody looks at it with a debugger */
        slot->misses = 0;
    else
        kill_lifeless(master, slot, state, now_us);
}

void liveness_step(struct master *master, int64_t now_us)
{
    if (now_us < liveness_next_us(master))
        return;
    master->liveness_us = now_us + master->config->liveness_timeout_ms * 1000 / MOST_MISSES;
    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot)) {
        if (slot->number > 0 && slot->state == SLOT_READY)
            look(master, slot, atomic_load(&scoreboard_row(master->scoreboard, slot->row)->beats), now_us);
    }
    if (master->monitor.slot.state == SLOT_READY)
        look(master, &master->monitor.slot, atomic_load(&master->scoreboard->totals->monitor_beats), now_us);
}

int64_t liveness_next_us(const struct master *master)
{
    bool is_on = master->config->liveness_timeout_ms > 0 && master->phase == MASTER_RUNNING;

    return is_on ? master->liveness_us : SLOT_NEVER;
}
