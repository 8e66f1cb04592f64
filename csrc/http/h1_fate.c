/* SPDX-License-Identifier: MIT */
#include "h1_fate.h"

#include "futex.h"

enum { WAIT_US = 10000 };

void h1_fate_open(struct h1_fate_word *word, int64_t due_us)
{
    atomic_store_explicit(&word->due_us, due_us, memory_order_relaxed);
    atomic_store_explicit(&word->is_ended_by_close, false, memory_order_relaxed);
    atomic_store(&word->fate, H1_FATE_OPEN);
}

static bool change(struct h1_fate_word *word, uint32_t from, uint32_t to)
{
    return atomic_compare_exchange_strong(&word->fate, &from, to);
}

/* Never JUDGED. */
static uint32_t load_decided(struct h1_fate_word *word)
{
    uint32_t fate;

    while ((fate = atomic_load(&word->fate)) == H1_FATE_JUDGED)
        futex_wait(&word->fate, H1_FATE_JUDGED, WAIT_US);
    return fate;
}

/* From OPEN, and any state between, to `wanted`. */
static bool advance(struct h1_fate_word *word, uint32_t wanted)
{
    for (;;) {
        uint32_t fate = load_decided(word);

        if (fate >= H1_FATE_OPEN && fate < wanted && !change(word, fate, wanted))
            continue;
        return fate != H1_FATE_ANSWERED && fate != H1_FATE_CUT;
    }
}

bool h1_fate_send_slowly(struct h1_fate_word *word)
{
    return advance(word, H1_FATE_SENDING);
}

bool h1_fate_end_slowly(struct h1_fate_word *word)
{
    return advance(word, H1_FATE_ENDED);
}

void h1_fate_unsend(struct h1_fate_word *word)
{
    if (load_decided(word) == H1_FATE_SENDING)
        change(word, H1_FATE_SENDING, H1_FATE_OPEN);
}

enum h1_fate h1_fate_close_slowly(struct h1_fate_word *word)
{
    for (;;) {
        uint32_t fate = load_decided(word);

        if (change(word, fate, H1_FATE_NONE))
            return fate > H1_FATE_JUDGED ? (enum h1_fate)fate : H1_FATE_NONE;
    }
}

static bool is_running(uint32_t fate)
{
    return fate >= H1_FATE_OPEN && fate <= H1_FATE_ENDED;
}

int64_t h1_fate_due_us(const struct h1_fate_word *word)
{
    if (!is_running(atomic_load(&word->fate)))
        return INT64_MAX;
    return atomic_load_explicit(&word->due_us, memory_order_relaxed);
}

enum h1_fate h1_fate_judge(struct h1_fate_word *word, int64_t now_us)
{
    for (;;) {
        uint32_t fate = atomic_load(&word->fate);

        if (!is_running(fate) || atomic_load_explicit(&word->due_us, memory_order_relaxed) > now_us)
            return H1_FATE_NONE;
        if (!change(word, fate, H1_FATE_JUDGED))
            continue;
        /* It may be the next request already. */
        if (atomic_load_explicit(&word->due_us, memory_order_relaxed) <= now_us)
            return (enum h1_fate)fate;
        h1_fate_decide(word, (enum h1_fate)fate);
        return H1_FATE_NONE;
    }
}

void h1_fate_decide(struct h1_fate_word *word, enum h1_fate fate)
{
    atomic_store(&word->fate, fate);
    futex_wake(&word->fate);
}
