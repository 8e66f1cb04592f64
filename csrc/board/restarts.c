/* SPDX-License-Identifier: MIT */
#include "restarts.h"

#include "scoreboard.h"

const char *restarts_label(enum restart_cause cause)
{
#define RESTART(name, label) label,
    static const char *const labels[] = {RESTART_CAUSES};
#undef RESTART

    return labels[cause];
}

void restarts_count(const struct scoreboard *scoreboard, enum restart_cause cause)
{
    atomic_fetch_add_explicit(&scoreboard->totals->restarts[cause], 1, memory_order_release);
}

uint64_t restarts_of(const struct scoreboard *scoreboard, enum restart_cause cause)
{
    return atomic_load_explicit(&scoreboard->totals->restarts[cause], memory_order_acquire);
}
