/* SPDX-License-Identifier: MIT */
#include "slot.h"

#include <stdio.h>

#include "fd.h"
#include "notice.h"

static const int64_t BACKOFF_FIRST_US = 500 * 1000;
static const int64_t BACKOFF_MOST_US = 30 * 1000 * 1000;

/* A process that served for this long was sound: whatever ended it, its successor starts at once. One that did not may
 * have been told to end by a signal of its own application, which would go on like that for ever. */
static const int64_t STEADY_US = 1000 * 1000;

void slot_init(struct slot *slot, int number, int row, int generation, int64_t now_us)
{
    *slot = (struct slot){
        .is_used = true,
        .number = number,
        .row = row,
        .generation = generation,
        .end_cause = -1,
        .recycle_cause = -1,
        .state = SLOT_EMPTY,
        .pid_fd = -1,
        .control_fd = -1,
        .start_us = now_us,
        .deadline_us = SLOT_NEVER,
    };
}

void slot_order(struct slot *slot, uint64_t serial, int control_fd, int64_t now_us, int64_t boot_timeout_us)
{
    slot->state = SLOT_ORDERED;
    slot->pid = slot->told_pid = 0;
    slot->serial = serial;
    slot->control_fd = control_fd;
    slot->has_sent_rubbish = slot->has_shown_stacks = slot->is_asked = false;
    slot->stacks_us = 0;
    slot->started_us = now_us;
    slot->ready_us = 0;
    slot->end_cause = -1;
    slot->recycle_cause = -1;
    slot->recycle_pause_us = 0;
    slot->retire_us = 0;
    slot->deadline_us = boot_timeout_us > 0 ? now_us + boot_timeout_us : SLOT_NEVER;
}

void slot_begin(struct slot *slot, pid_t pid)
{
    slot->pid = pid;
    if (slot->state == SLOT_ORDERED)
        slot->state = SLOT_STARTING;
}

void slot_begin_told(struct slot *slot, pid_t pid, int pid_fd)
{
    slot->pid_fd = pid_fd;
    slot_begin(slot, pid);
}

void slot_become_ready(struct slot *slot, int64_t now_us)
{
    slot->state = slot->number > 0 ? SLOT_HELD : SLOT_READY;
    slot->ready_us = now_us;
    slot->deadline_us = SLOT_NEVER;
    slot->was_ready = true;
}

void slot_let_go(struct slot *slot)
{
    slot->state = SLOT_READY;
}

void slot_drain(struct slot *slot, int64_t deadline_us)
{
    slot->state = SLOT_DRAINING;
    slot->deadline_us = deadline_us;
    if (slot->control_fd >= 0)
        notice_end(slot->control_fd);
}

void slot_kill(struct slot *slot, int64_t deadline_us)
{
    slot->state = SLOT_KILLED;
    slot->deadline_us = deadline_us;
}

static int64_t backoff_us(unsigned failures)
{
    int64_t delay_us = BACKOFF_FIRST_US;

    if (failures == 0)
        return 0;
    while (--failures > 0 && delay_us < BACKOFF_MOST_US)
        delay_us *= 2;
    return delay_us < BACKOFF_MOST_US ? delay_us : BACKOFF_MOST_US;
}

void slot_close(struct slot *slot)
{
    fd_close(&slot->control_fd);
    fd_close(&slot->pid_fd);
}

static void empty(struct slot *slot, int64_t start_us)
{
    slot_close(slot);
    slot->state = SLOT_EMPTY;
    slot->pid = slot->told_pid = 0;
    slot->ready_us = 0;
    slot->deadline_us = SLOT_NEVER;
    slot->start_us = start_us;
}

void slot_end(struct slot *slot, int64_t now_us)
{
    unsigned delays = 0;

    if (slot->ready_us == 0) {
        slot->has_failed = true;
        delays = ++slot->failures;
    } else if (now_us - slot->ready_us >= STEADY_US) {
        slot->failures = 0;
    } else {
        /* The first early death costs nothing, for an accident can happen early; a second one in a row looks like a
         * habit. */
        delays = slot->failures++;
    }
    empty(slot, now_us + backoff_us(delays));
}

void slot_cancel(struct slot *slot, int64_t start_us)
{
    empty(slot, start_us);
}

const char *slot_format_name(const struct slot *slot, char *name)
{
    if (slot->number == SLOT_MONITOR)
        snprintf(name, SLOT_NAME_BYTES, "monitor (pid: %d)", (int)slot->pid);
    else if (slot->number == 0)
        snprintf(name, SLOT_NAME_BYTES, "zygote (pid: %d)", (int)slot->pid);
    else
        snprintf(name, SLOT_NAME_BYTES, "worker %d (pid: %d)", slot->number, (int)slot->pid);
    return name;
}
