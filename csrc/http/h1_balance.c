/* SPDX-License-Identifier: MIT */
#include "h1_balance.h"

#include "h1_server_priv.h"

enum {
    AVERAGE_TICKS = 16, /* of the moving average */
    LOOK_TICKS = 32,    /* between two looks at the siblings: longer than the average needs to follow */
    DIFFERENCE = HANDOFF_FULL_LOAD / 12, /* of load, that is worth moving connections */
};

/* Says how many requests have begun here since the last look; returns that. */
static uint32_t tell_rate(struct h1_server *server)
{
    uint64_t requests = atomic_load_explicit(&server->request_count, memory_order_relaxed);
    uint32_t rate = (uint32_t)(requests - server->balance.requests_before);

    server->balance.requests_before = requests;
    atomic_store_explicit(&server->row->rate, rate, memory_order_relaxed);
    return rate;
}

/* The part of this worker's connections, in HANDOFF_FULL_LOAD-ths, that the sibling in `row` should have: half of what
 * it is less busy, or, where both are as busy as they can be, of what it serves less. */
static uint32_t surplus_over(const struct handoff_row *row, uint32_t load, uint32_t rate)
{
    uint32_t its_load = atomic_load_explicit(&row->load, memory_order_relaxed);
    uint32_t its_rate = atomic_load_explicit(&row->rate, memory_order_relaxed);

    if (atomic_load_explicit(&row->is_serving, memory_order_relaxed) == 0)
        return 0;
    if (load > its_load + DIFFERENCE)
        return (uint32_t)((uint64_t)HANDOFF_FULL_LOAD * (load - its_load) / load / 2);
    if (load + DIFFERENCE > its_load && rate > its_rate + its_rate / 8 + LOOK_TICKS)
        return (uint32_t)((uint64_t)HANDOFF_FULL_LOAD * (rate - its_rate) / rate / 2);
    return 0;
}

/* Has as many of the connections that are busy at once moved as would make it even. */
static void look_at_siblings(struct h1_server *server)
{
    const struct handoff *handoff = server->handoff;
    struct h1_balance *balance = &server->balance;
    uint32_t batch = atomic_exchange_explicit(&balance->largest_batch, 0, memory_order_relaxed);
    uint32_t rate = tell_rate(server), most = 0;

    for (size_t i = 0, end = handoff_row_end(handoff); i < end; i++) {
        uint32_t surplus = i != server->row_number ? surplus_over(&handoff->board->rows[i], balance->load, rate) : 0;

        most = surplus > most ? surplus : most;
    }
    atomic_store_explicit(&balance->to_shed, most > 0 && batch > 1 ? batch * most / HANDOFF_FULL_LOAD + 1 : 0,
                          memory_order_relaxed);
}

void h1_balance_set_load(struct h1_server *server, uint32_t load)
{
    if (server->row == NULL)
        return;
    server->balance.load = load;
    atomic_store_explicit(&server->row->load, load, memory_order_relaxed);
}

void h1_balance_tick(struct h1_server *server)
{
    struct h1_balance *balance = &server->balance;
    uint32_t waits = atomic_load_explicit(&server->loop.waits, memory_order_relaxed);
    uint32_t load = balance->load - balance->load / AVERAGE_TICKS;
    bool is_waiting;

    if (server->row == NULL)
        return;
    is_waiting = atomic_load_explicit(&server->row->is_waiting, memory_order_relaxed) != 0;
    if (!is_waiting)
        load += HANDOFF_FULL_LOAD / AVERAGE_TICKS;
    h1_balance_set_load(server, load);
    if (h1_server_lacks(server, H1_WITHOUT_BALANCE))
        return;
    if (!is_waiting && waits == balance->waits_before)
        atomic_store_explicit(&balance->old_batch, waits, memory_order_relaxed);
    balance->waits_before = waits;
    if (++balance->tick_count % LOOK_TICKS == 0)
        look_at_siblings(server);
}

void h1_balance_rest(struct h1_server *server)
{
    if (server->row == NULL)
        return;
    h1_balance_set_load(server, 0);
    atomic_store_explicit(&server->row->rate, 0, memory_order_relaxed);
}

void h1_balance_see_batch(struct h1_server *server)
{
    _Atomic(uint32_t) *largest = &server->balance.largest_batch;
    uint32_t size = (uint32_t)server->loop.event_count;

    if (size > atomic_load_explicit(largest, memory_order_relaxed))
        atomic_store_explicit(largest, size, memory_order_relaxed);
}

static bool is_in_old_batch(const struct h1_server *server)
{
    uint32_t old = atomic_load_explicit(&server->balance.old_batch, memory_order_relaxed);

    return UNLIKELY(old != 0) && old == atomic_load_explicit(&server->loop.waits, memory_order_relaxed);
}

bool h1_balance_sheds(struct h1_server *server)
{
    struct h1_balance *balance = &server->balance;
    uint32_t budget = atomic_load_explicit(&balance->to_shed, memory_order_relaxed);

    if (LIKELY(budget == 0 && !is_in_old_batch(server)))
        return false;
    if (server->handoff == NULL || !handoff_has_idle_sibling(server->handoff, server->row_number))
        return false;
    if (budget == 0)
        return ++balance->turn % 2 == 0;
    /* Nobody but the driver lowers it; the sentry may set it anew at the same moment, which loses one. */
    atomic_store_explicit(&balance->to_shed, budget - 1, memory_order_relaxed);
    return true;
}
