/* SPDX-License-Identifier: MIT */
#include "refusals.h"

#include <inttypes.h>
#include <stdio.h>

#include "scoreboard.h"

enum { MORE_BYTES = sizeof(", ...") };

struct counted {
    enum h1_reason reason;
    uint64_t count;
};

void refusals_count(struct scoreboard *scoreboard, enum h1_reason reason)
{
    atomic_fetch_add_explicit(&scoreboard->totals->refusals[reason], 1, memory_order_relaxed);
}

uint64_t refusals_of(const struct scoreboard *scoreboard, enum h1_reason reason)
{
    return atomic_load_explicit(&scoreboard->totals->refusals[reason], memory_order_relaxed);
}

uint64_t refusals_total(const struct scoreboard *scoreboard)
{
    uint64_t total = 0;

    for (int reason = H1_REASON_NONE + 1; reason < H1_REASON_COUNT; reason++)
        total += refusals_of(scoreboard, (enum h1_reason)reason);
    return total;
}

/* Puts one more among those before it, which are in order. */
static void insert(struct counted *sorted, size_t count, struct counted one)
{
    size_t at = count;

    for (; at > 0 && sorted[at - 1].count < one.count; at--)
        sorted[at] = sorted[at - 1];
    sorted[at] = one;
}

/* Those that there were, most frequent first; returns how many. */
static size_t sort_reasons(const struct scoreboard *scoreboard, struct counted sorted[H1_REASON_COUNT])
{
    size_t count = 0;

    for (int i = H1_REASON_NONE + 1; i < H1_REASON_COUNT; i++) {
        struct counted one = {.reason = (enum h1_reason)i, .count = refusals_of(scoreboard, (enum h1_reason)i)};

        if (one.count > 0)
            insert(sorted, count++, one);
    }
    return count;
}

const char *refusals_describe(const struct scoreboard *scoreboard, char *out, size_t size)
{
    struct counted sorted[H1_REASON_COUNT];
    size_t count = sort_reasons(scoreboard, sorted), len;
    uint64_t total = refusals_total(scoreboard);

    out[0] = '\0';
    if (count == 0)
        return out;
    len = (size_t)snprintf(out, size, "%" PRIu64 " request%s refused", total, total == 1 ? "" : "s");
    for (size_t i = 0; i < count; i++) {
        char one[80];
        size_t one_len = (size_t)snprintf(one, sizeof(one), "%s%" PRIu64 " %s", i == 0 ? ": " : ", ", sorted[i].count,
                                          h1_reason_label(sorted[i].reason));

        if (len + one_len + MORE_BYTES > size) {
            snprintf(out + len, size - len, ", ...");
            return out;
        }
        len += (size_t)snprintf(out + len, size - len, "%s", one);
    }
    return out;
}
