/* SPDX-License-Identifier: MIT
 * One writer for each row; readers look whether the sequence is even and has not changed meanwhile. */
#include "stacks.h"

#include <string.h>

#include "scoreboard.h"

enum { MOST_READS = 100 };

static struct stacks_note *note_of(const struct scoreboard *scoreboard, int row)
{
    return &scoreboard_row(scoreboard, row)->stacks;
}

static char *text_of(const struct scoreboard *scoreboard, int row)
{
    return scoreboard->stacks + (size_t)row * STACKS_BYTES;
}

uint32_t stacks_ask(const struct scoreboard *scoreboard, int row)
{
    return atomic_fetch_add(&note_of(scoreboard, row)->asked, 1) + 1;
}

bool stacks_is_answered(const struct scoreboard *scoreboard, int row, uint32_t ticket)
{
    return (int32_t)(atomic_load(&note_of(scoreboard, row)->answered) - ticket) >= 0;
}

bool stacks_is_asked(const struct scoreboard *scoreboard, int row, uint32_t *ticket)
{
    *ticket = atomic_load(&note_of(scoreboard, row)->asked);
    return !stacks_is_answered(scoreboard, row, *ticket);
}

void stacks_write(const struct scoreboard *scoreboard, int row, struct slice text, uint32_t ticket, int64_t taken_us)
{
    struct stacks_note *note = note_of(scoreboard, row);
    size_t len = text.len < STACKS_BYTES ? text.len : STACKS_BYTES;

    atomic_fetch_add(&note->sequence, 1);
    if (len > 0)
        memcpy(text_of(scoreboard, row), text.ptr, len);
    atomic_store(&note->len, (uint32_t)len);
    atomic_store(&note->taken_us, taken_us);
    atomic_fetch_add(&note->sequence, 1);
    atomic_store(&note->answered, ticket);
}

size_t stacks_read(const struct scoreboard *scoreboard, int row, char *out, int64_t *taken_us)
{
    const struct stacks_note *note = note_of(scoreboard, row);

    for (int i = 0; i < MOST_READS; i++) {
        uint32_t before = atomic_load(&note->sequence), len = atomic_load(&note->len);

        *taken_us = atomic_load(&note->taken_us);
        if (len == 0 || len > STACKS_BYTES)
            return 0;
        memcpy(out, text_of(scoreboard, row), len);
        atomic_thread_fence(memory_order_acquire);
        if (before % 2 == 0 && atomic_load(&note->sequence) == before)
            return len;
    }
    return 0;
}

int64_t stacks_taken_us(const struct scoreboard *scoreboard, int row)
{
    return atomic_load(&note_of(scoreboard, row)->taken_us);
}

void stacks_forget(const struct scoreboard *scoreboard, int row)
{
    struct stacks_note *note = note_of(scoreboard, row);

    atomic_store(&note->len, 0);
    atomic_store(&note->taken_us, 0);
    atomic_store(&note->sequence, 0); /* its writer may have died in the middle */
    atomic_store(&note->answered, atomic_load(&note->asked));
}
