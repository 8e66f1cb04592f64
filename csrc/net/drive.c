/* SPDX-License-Identifier: MIT
 * Two pairs of threads each store one word and then load the other's, in the one order of all sequentially consistent
 * operations, so that at least one sees the other; what remains would be a thread that sleeps while it is needed:
 *   drive_leave: is_held = 0, then sentry_state         the sentry: sentry_state = PARKED, then is_held
 *   drive_await: parked_count + 1, then is_held(_by_sentry)   the sentry: is_held(_by_sentry) = 1, then parked_count
 * A third pair is in loop.c. */
#include "drive.h"

#include <errno.h>

#include "futex.h"

enum {
    CALM_TICKS = 2,   /* after which the sentry parks */
    EAGER_TICKS = 250 /* for which the drive is passed on at once after the loop was left alone */
};

/* What the sentry saw at its last look. */
struct look {
    uint32_t turns, waits;
    int calm_ticks, eager_ticks;
};

int drive_init(struct drive *drive, struct loop *loop)
{
    *drive = (struct drive){.loop = loop, .has_sentry = true};
    list_init(&drive->parked);
    return -pthread_mutex_init(&drive->parked_lock, NULL);
}

void drive_fini(struct drive *drive)
{
    pthread_mutex_destroy(&drive->parked_lock);
}

/* By the holder only, hence no atomic addition. */
static void count_turn(struct drive *drive)
{
    uint32_t turns = atomic_load_explicit(&drive->turns, memory_order_relaxed);

    atomic_store_explicit(&drive->turns, turns + 1, memory_order_relaxed);
}

bool drive_try(struct drive *drive)
{
    uint32_t expected = 0;

    if (!atomic_compare_exchange_strong(&drive->is_held, &expected, 1))
        return false;
    count_turn(drive);
    return true;
}

static void release(struct drive *drive)
{
    count_turn(drive);
    atomic_exchange(&drive->is_held, 0);
}

static void unpark_sentry(struct drive *drive, uint32_t from)
{
    uint32_t expected = from;

    if (atomic_load(&drive->sentry_state) == from &&
        atomic_compare_exchange_strong(&drive->sentry_state, &expected, SENTRY_LOOKS))
        futex_wake(&drive->sentry_state);
}

/* Takes the seat out of the list; the caller has the lock. */
static void remove_seat(struct drive *drive, struct drive_seat *seat)
{
    if (list_has_node(&seat->node)) {
        list_remove(&seat->node);
        atomic_fetch_sub(&drive->parked_count, 1);
    }
}

/* Wakes its thread, if it is parked; the caller has the lock. */
static void call_seat(struct drive *drive, struct drive_seat *seat)
{
    if (list_has_node(&seat->node)) {
        remove_seat(drive, seat);
        atomic_store(&seat->is_called, 1);
        futex_wake(&seat->is_called);
    }
}

/* Calls the last one that has parked. Returns false when there is none. */
static bool call_parked(struct drive *drive)
{
    bool has_parked;

    pthread_mutex_lock(&drive->parked_lock);
    has_parked = !list_is_empty(&drive->parked);
    if (has_parked)
        call_seat(drive, CONTAINER_OF(drive->parked.head.prev, struct drive_seat, node));
    pthread_mutex_unlock(&drive->parked_lock);
    return has_parked;
}

static bool has_server(const struct drive *drive)
{
    return atomic_load(&drive->parked_count) > 0 && (drive->can_serve == NULL || drive->can_serve(drive->context));
}

void drive_leave(struct drive *drive)
{
    release(drive);
    unpark_sentry(drive, SENTRY_PARKED);
    if (UNLIKELY(atomic_load_explicit(&drive->is_eager, memory_order_relaxed)) && has_server(drive))
        (void)call_parked(drive);
}

/* Whether the drive was left to the sentry and nobody has taken notice yet. */
static bool accept_choice(struct drive *drive)
{
    uint32_t expected = SENTRY_CHOSEN;

    return atomic_compare_exchange_strong(&drive->sentry_state, &expected, SENTRY_LOOKS);
}

static void release_by_sentry(struct drive *drive)
{
    atomic_store(&drive->is_held_by_sentry, false);
    release(drive);
}

void drive_leave_to_sentry(struct drive *drive)
{
    if (!drive->has_sentry) {
        drive_leave(drive);
        return;
    }
    count_turn(drive);
    atomic_store(&drive->is_held_by_sentry, true);
    atomic_exchange(&drive->sentry_state, SENTRY_CHOSEN);
    futex_wake(&drive->sentry_state);
    if (drive_is_stopped(drive) && accept_choice(drive)) /* there may be no sentry any more */
        release_by_sentry(drive);
}

static void park(struct drive *drive, struct drive_seat *seat)
{
    pthread_mutex_lock(&drive->parked_lock);
    atomic_store_explicit(&seat->is_called, 0, memory_order_relaxed);
    list_append(&drive->parked, &seat->node);
    atomic_fetch_add(&drive->parked_count, 1);
    pthread_mutex_unlock(&drive->parked_lock);
}

static void unpark(struct drive *drive, struct drive_seat *seat)
{
    pthread_mutex_lock(&drive->parked_lock);
    remove_seat(drive, seat);
    pthread_mutex_unlock(&drive->parked_lock);
}

static void sleep_until_called(struct drive *drive, struct drive_seat *seat)
{
    park(drive, seat);
    /* Whoever left, told or stopped before it could see this seat is seen here. */
    if (atomic_load(&drive->is_held) == 0 || atomic_load(&seat->has_message) || drive_is_stopped(drive)) {
        unpark(drive, seat);
        return;
    }
    if (atomic_load(&drive->is_held_by_sentry))
        loop_interrupt(drive->loop);
    while (atomic_load(&seat->is_called) == 0)
        futex_wait(&seat->is_called, 0, -1);
}

/* A call that comes to a seat whose thread returns for another reason is not passed on: the sentry finds the loop left
 * alone at its next look. */
bool drive_await(struct drive *drive, struct drive_seat *seat)
{
    for (;;) {
        if (drive_is_stopped(drive))
            return false;
        if (atomic_load(&seat->has_message) && atomic_exchange(&seat->has_message, false))
            return false;
        if (drive_try(drive))
            return true;
        sleep_until_called(drive, seat);
    }
}

void drive_call(struct drive *drive, struct drive_seat *seat)
{
    atomic_store(&seat->has_message, true);
    pthread_mutex_lock(&drive->parked_lock);
    call_seat(drive, seat);
    pthread_mutex_unlock(&drive->parked_lock);
}

void drive_stop(struct drive *drive)
{
    atomic_store(&drive->is_stopped, true);
    while (call_parked(drive))
        ;
    unpark_sentry(drive, SENTRY_PARKED);
    unpark_sentry(drive, SENTRY_ABSENT);
    loop_interrupt(drive->loop);
}

bool drive_is_wanted(const struct drive *drive)
{
    return drive_is_stopped(drive) || has_server(drive);
}

void drive_hand_over(struct drive *drive)
{
    release_by_sentry(drive);
    (void)call_parked(drive);
}

static bool take_by_sentry(struct drive *drive)
{
    if (!drive_try(drive))
        return false;
    atomic_store(&drive->is_held_by_sentry, true);
    return true;
}

static void look_again(const struct drive *drive, struct look *look)
{
    look->turns = atomic_load(&drive->turns);
    look->waits = atomic_load(&drive->loop->waits);
    look->calm_ticks = 0;
}

/* Sleeps as PARKED until somebody leaves the drive or stops it, or as ABSENT until it is stopped. */
static void park_sentry(struct drive *drive, uint32_t as)
{
    uint32_t expected = SENTRY_LOOKS;

    if (!atomic_compare_exchange_strong(&drive->sentry_state, &expected, as))
        return;
    if (drive_is_stopped(drive) || (as == SENTRY_PARKED && atomic_load(&drive->is_held) == 0)) {
        expected = as;
        atomic_compare_exchange_strong(&drive->sentry_state, &expected, SENTRY_LOOKS);
        return;
    }
    while (atomic_load(&drive->sentry_state) == as)
        futex_wait(&drive->sentry_state, as, -1);
}

static void set_eager(struct drive *drive, struct look *look, int ticks)
{
    look->eager_ticks = ticks;
    atomic_store_explicit(&drive->is_eager, ticks > 0, memory_order_relaxed);
}

/* An app thread has the drive. */
static void look_at_driver(struct drive *drive, struct look *look)
{
    if (atomic_load(&drive->loop->is_waiting) == 0 || atomic_load(&drive->loop->waits) != look->waits) {
        look_again(drive, look);
        return;
    }
    look->calm_ticks++;
    if (look->calm_ticks >= CALM_TICKS) {
        set_eager(drive, look, 0);
        if (drive->on_calm != NULL)
            drive->on_calm(drive->context);
        park_sentry(drive, SENTRY_PARKED);
        look_again(drive, look);
    }
}

/* Nobody has the drive. Returns true when the sentry has it now. */
static bool look_at_empty_seat(struct drive *drive, struct look *look)
{
    if (atomic_load(&drive->turns) != look->turns) { /* somebody is about */
        look_again(drive, look);
        return false;
    }
    if (has_server(drive)) {
        set_eager(drive, look, EAGER_TICKS);
        (void)call_parked(drive);
        return false;
    }
    return take_by_sentry(drive);
}

/* One tick. Returns true when the sentry has the drive. */
static bool tick(struct drive *drive, struct look *look)
{
    futex_wait(&drive->sentry_state, SENTRY_LOOKS, DRIVE_TICK_US);
    if (drive_is_stopped(drive))
        return false;
    if (accept_choice(drive))
        return true;
    if (look->eager_ticks > 0)
        set_eager(drive, look, look->eager_ticks - 1);
    if (drive->on_tick != NULL)
        drive->on_tick(drive->context);
    if (atomic_load(&drive->is_held) == 0)
        return look_at_empty_seat(drive, look);
    look_at_driver(drive, look);
    return false;
}

bool drive_watch(struct drive *drive)
{
    struct look look;

    look.eager_ticks = 0;
    look_again(drive, &look);
    while (!drive_is_stopped(drive)) {
        if (!drive->has_sentry) {
            park_sentry(drive, SENTRY_ABSENT);
        } else if (tick(drive, &look)) {
            atomic_fetch_add(&drive->takeovers, 1);
            return true;
        }
    }
    if (accept_choice(drive))
        release_by_sentry(drive);
    return false;
}
