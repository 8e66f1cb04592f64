/* SPDX-License-Identifier: MIT */
#include "crew.h"

#include <errno.h>
#include <stdlib.h>

int crew_init(struct crew *crew, int worker_count, bool has_zygote, int64_t now_us)
{
    *crew = (struct crew){.worker_count = worker_count, .has_zygote = has_zygote};
    crew->slots = calloc((size_t)worker_count + 1, sizeof(*crew->slots));
    if (crew->slots == NULL)
        return -ENOMEM;
    for (int number = 0; number <= worker_count; number++)
        slot_init(&crew->slots[number], number, now_us);
    return 0;
}

void crew_fini(struct crew *crew)
{
    if (crew->slots == NULL)
        return;
    for (struct slot *slot = crew_first(crew); slot < crew_end(crew); slot++)
        slot_close(slot);
    free(crew->slots);
    crew->slots = NULL;
}

struct slot *crew_first(const struct crew *crew)
{
    return crew->has_zygote ? crew->slots : crew->slots + 1;
}

struct slot *crew_end(const struct crew *crew)
{
    return crew->slots + crew->worker_count + 1;
}

struct slot *crew_find_pid(const struct crew *crew, pid_t pid)
{
    for (struct slot *slot = crew_first(crew); slot < crew_end(crew); slot++) {
        if (slot->pid == pid)
            return slot;
    }
    return NULL;
}

struct slot *crew_find_serial(const struct crew *crew, int number, uint64_t serial)
{
    struct slot *slot;

    if (number < 0 || number > crew->worker_count || (number == 0 && !crew->has_zygote))
        return NULL;
    slot = &crew->slots[number];
    return slot_is_taken(slot) && slot->serial == serial ? slot : NULL;
}

bool crew_is_ready(const struct crew *crew)
{
    for (int number = 1; number <= crew->worker_count; number++) {
        if (crew->slots[number].state != SLOT_READY)
            return false;
    }
    return true;
}

bool crew_is_empty(const struct crew *crew)
{
    for (struct slot *slot = crew_first(crew); slot < crew_end(crew); slot++) {
        if (slot_is_taken(slot))
            return false;
    }
    return true;
}

bool crew_is_hopeless(const struct crew *crew)
{
    bool have_all_failed = true;

    for (int number = 1; number <= crew->worker_count; number++) {
        if (crew->slots[number].was_ready)
            return false;
        have_all_failed = have_all_failed && crew->slots[number].has_failed;
    }
    return have_all_failed || (crew->has_zygote && crew->slots[0].has_failed && !crew->slots[0].was_ready);
}

static bool can_start(const struct crew *crew, const struct slot *slot)
{
    return slot->state == SLOT_EMPTY && (!crew->has_zygote || slot->number == 0 || crew->slots[0].state == SLOT_READY);
}

bool crew_is_due(const struct crew *crew, const struct slot *slot, int64_t now_us)
{
    return can_start(crew, slot) && slot->start_us <= now_us;
}

int64_t crew_next_us(const struct crew *crew, bool may_start)
{
    int64_t next_us = SLOT_NEVER;

    for (struct slot *slot = crew_first(crew); slot < crew_end(crew); slot++) {
        int64_t due_us = slot->deadline_us;

        if (may_start && can_start(crew, slot))
            due_us = slot->start_us;
        if (due_us < next_us)
            next_us = due_us;
    }
    return next_us;
}
