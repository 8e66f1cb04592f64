/* SPDX-License-Identifier: MIT */
#include "crew.h"

#include <errno.h>
#include <stdlib.h>

enum { MOST_WORKERS = 1024, SPARE_WORKERS = 16 };

int crew_most_workers(int worker_count)
{
    int most = worker_count > SPARE_WORKERS ? 2 * worker_count : worker_count + SPARE_WORKERS;

    return most < MOST_WORKERS ? most : MOST_WORKERS;
}

int crew_row_count(int worker_count)
{
    return 2 * crew_most_workers(worker_count);
}

int crew_init(struct crew *crew, int row_count, bool has_zygotes)
{
    *crew = (struct crew){.row_count = row_count, .has_zygotes = has_zygotes};
    crew->slots = calloc(crew_size(crew), sizeof(*crew->slots));
    return crew->slots != NULL ? 0 : -ENOMEM;
}

void crew_fini(struct crew *crew)
{
    if (crew->slots == NULL)
        return;
    for (struct slot *slot = crew_first(crew); slot != NULL; slot = crew_next(crew, slot))
        slot_close(slot);
    free(crew->slots);
    crew->slots = NULL;
}

size_t crew_size(const struct crew *crew)
{
    return (size_t)crew->row_count + (crew->has_zygotes ? CREW_ZYGOTES : 0);
}

/* --- Slots --- */

struct slot *crew_add(struct crew *crew, int number, int generation, int64_t now_us)
{
    size_t first = number > 0 ? 0 : (size_t)crew->row_count;
    size_t end = number > 0 ? (size_t)crew->row_count : crew_size(crew);

    for (size_t i = first; i < end; i++) {
        if (!crew->slots[i].is_used) {
            slot_init(&crew->slots[i], number, number > 0 ? (int)i : -1, generation, now_us);
            return &crew->slots[i];
        }
    }
    return NULL;
}

void crew_remove(struct slot *slot)
{
    slot_close(slot);
    *slot = (struct slot){.is_used = false};
}

int crew_room(const struct crew *crew)
{
    int room = 0;

    for (int row = 0; row < crew->row_count; row++)
        room += !crew->slots[row].is_used;
    return room;
}

int crew_row_end(const struct crew *crew)
{
    int end = crew->row_count;

    while (end > 0 && !crew->slots[end - 1].is_used)
        end--;
    return end;
}

static struct slot *find_used(const struct crew *crew, size_t from)
{
    for (size_t i = from; i < crew_size(crew); i++) {
        if (crew->slots[i].is_used)
            return &crew->slots[i];
    }
    return NULL;
}

struct slot *crew_first(const struct crew *crew)
{
    return find_used(crew, 0);
}

struct slot *crew_next(const struct crew *crew, const struct slot *slot)
{
    return find_used(crew, (size_t)(slot - crew->slots) + 1);
}

struct slot *crew_find_pid(const struct crew *crew, pid_t pid)
{
    for (struct slot *slot = crew_first(crew); slot != NULL; slot = crew_next(crew, slot)) {
        if (slot->pid == pid)
            return slot;
    }
    return NULL;
}

struct slot *crew_find_told(const struct crew *crew, pid_t pid)
{
    for (struct slot *slot = crew_first(crew); slot != NULL; slot = crew_next(crew, slot)) {
        if (slot->pid == 0 && slot->told_pid == pid && slot_is_taken(slot))
            return slot;
    }
    return NULL;
}

struct slot *crew_find_serial(const struct crew *crew, int number, uint64_t serial)
{
    for (struct slot *slot = crew_first(crew); slot != NULL; slot = crew_next(crew, slot)) {
        if (slot_is_taken(slot) && slot->number == number && slot->serial == serial)
            return slot;
    }
    return NULL;
}

struct slot *crew_find_zygote(const struct crew *crew, int generation)
{
    for (struct slot *slot = find_used(crew, (size_t)crew->row_count); slot != NULL; slot = crew_next(crew, slot)) {
        if (slot->generation == generation)
            return slot;
    }
    return NULL;
}

/* --- Generations --- */

static bool is_place_of(const struct slot *slot, int generation)
{
    return slot->generation == generation && slot->number > 0 && !slot->is_last && slot->replaces == 0;
}

int crew_count(const struct crew *crew, int generation)
{
    int count = 0;

    for (struct slot *slot = crew_first(crew); slot != NULL; slot = crew_next(crew, slot))
        count += is_place_of(slot, generation);
    return count;
}

int crew_count_taken(const struct crew *crew, int generation)
{
    int count = 0;

    for (struct slot *slot = crew_first(crew); slot != NULL; slot = crew_next(crew, slot))
        count += slot->generation == generation && slot->number > 0 && slot_is_taken(slot);
    return count;
}

bool crew_are_all(const struct crew *crew, int generation, enum slot_state state)
{
    bool is_any = false;

    for (struct slot *slot = crew_first(crew); slot != NULL; slot = crew_next(crew, slot)) {
        if (!is_place_of(slot, generation))
            continue;
        if (slot->state != state)
            return false;
        is_any = true;
    }
    return is_any;
}

bool crew_is_empty(const struct crew *crew)
{
    for (struct slot *slot = crew_first(crew); slot != NULL; slot = crew_next(crew, slot)) {
        if (slot_is_taken(slot))
            return false;
    }
    return true;
}

bool crew_is_hopeless(const struct crew *crew, int generation)
{
    const struct slot *zygote = crew_find_zygote(crew, generation);
    bool have_all_failed = true;

    for (struct slot *slot = crew_first(crew); slot != NULL; slot = crew_next(crew, slot)) {
        if (!is_place_of(slot, generation))
            continue;
        if (slot->was_ready)
            return false;
        have_all_failed = have_all_failed && slot->has_failed;
    }
    return have_all_failed || (zygote != NULL && zygote->has_failed && !zygote->was_ready);
}

/* --- Time --- */

static bool can_start(const struct crew *crew, const struct slot *slot)
{
    const struct slot *zygote;

    if (slot->state != SLOT_EMPTY || slot->is_last)
        return false;
    if (!crew->has_zygotes || slot->number == 0)
        return true;
    zygote = crew_find_zygote(crew, slot->generation);
    return zygote != NULL && zygote->state == SLOT_READY;
}

bool crew_is_due(const struct crew *crew, const struct slot *slot, int64_t now_us)
{
    return can_start(crew, slot) && slot->start_us <= now_us;
}

int64_t crew_next_us(const struct crew *crew, bool may_start)
{
    int64_t next_us = SLOT_NEVER;

    for (struct slot *slot = crew_first(crew); slot != NULL; slot = crew_next(crew, slot)) {
        int64_t due_us = slot->deadline_us;

        if (may_start && can_start(crew, slot))
            due_us = slot->start_us;
        if (due_us < next_us)
            next_us = due_us;
    }
    return next_us;
}
