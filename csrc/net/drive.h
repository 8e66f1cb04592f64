/* SPDX-License-Identifier: MIT
 * Which thread of a worker drives the loop. Whoever drives owns everything that belongs to the loop. App threads take
 * turns: one that goes away to run a request just leaves the drive; the next is called only when the loop has been left
 * alone for about a millisecond, or at once while that has happened lately. When no app thread is free the sentry
 * drives, until one comes back.
 *
 * An app thread                               The sentry
 *   drive_try, or drive_await                   while (drive_watch(drive)) {
 *   ... loop_wait, loop_dispatch ...                while (!drive_is_wanted(drive)) ... loop_wait, loop_dispatch ...
 *   drive_leave, run the request                    drive_hand_over(drive);
 *                                               }
 *
 * No thread here ever holds the GIL. The protocol is modelled in tests/model/drive.pml. */
#ifndef CLUTCH_DRIVE_H
#define CLUTCH_DRIVE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "attrs.h"
#include "list.h"
#include "loop.h"

enum { DRIVE_TICK_US = 1000 };

/* Where an app thread waits for the drive. Lives in its owner, zeroed. */
struct drive_seat {
    struct list_node node;       /* drive->parked */
    _Atomic(uint32_t) is_called; /* what the thread sleeps on */
    _Atomic(bool) has_message;   /* drive_call: it is wanted for something else than driving */
};

enum sentry_state {
    SENTRY_LOOKS,  /* every DRIVE_TICK_US; or drives */
    SENTRY_PARKED, /* sleeps until it is woken: an app thread has the drive and waits for events */
    SENTRY_CHOSEN, /* an app thread has left the drive to it, with is_held still set */
    SENTRY_ABSENT, /* sleeps until the drive stops: has_sentry is false */
};

struct drive {
    struct loop *loop;
    _Atomic(uint32_t) is_held;
    _Atomic(bool) is_held_by_sentry;
    _Atomic(bool) is_stopped;
    _Atomic(uint32_t) turns;        /* +1 by the holder when it takes the drive and when it leaves it */
    _Atomic(uint32_t) parked_count; /* of app threads */
    _Atomic(uint32_t) sentry_state; /* enum sentry_state; what the sentry sleeps on */
    pthread_mutex_t parked_lock;
    struct list parked;          /* the last to park is the first to be called */
    bool has_sentry;             /* false: nobody steps in (for tests, and to see what the sentry is good for) */
    _Atomic(bool) is_eager;      /* requests have taken long lately: who leaves calls the next at once */
    _Atomic(uint64_t) takeovers; /* how often the sentry had to drive */
    /* Asked by the sentry: whether an app thread that took a request now could run it at once. NULL: yes. */
    bool (*can_serve)(void *context);
    /* Told by the sentry about every millisecond while the worker is busy and an app thread may be driving. NULL: not.
     */
    void (*on_tick)(void *context);
    /* The sentry goes to sleep, since the worker is idle: there may be no other tick for long. NULL: nobody asks. */
    void (*on_calm)(void *context);
    void *context;
};

/* 0 or -errno. The loop is borrowed. */
int drive_init(struct drive *, struct loop *) MUST_CHECK;
void drive_fini(struct drive *);

/* For app threads. Takes the drive if nobody has it. */
bool drive_try(struct drive *);
/* Waits until the calling thread has the drive, and returns true; false once the drive has stopped, or when drive_call
 * was meant for this seat: then it does not have the drive. */
bool drive_await(struct drive *, struct drive_seat *);
/* Goes away: the loop is free. Never waits; a system call only when the sentry sleeps. */
void drive_leave(struct drive *);
/* Goes away because this worker cannot serve now (drive->can_serve): the sentry drives at once, and nobody before it.
 * Just drive_leave when there is no sentry or the drive has stopped. */
void drive_leave_to_sentry(struct drive *);

/* From any thread: has drive_await return false at this seat, now or the next time. */
void drive_call(struct drive *, struct drive_seat *);
/* From any thread: all calls of drive_await and drive_watch return false from now on. Whoever drives is interrupted. */
void drive_stop(struct drive *);
static inline bool drive_is_stopped(const struct drive *drive)
{
    return atomic_load(&drive->is_stopped);
}

/* For the sentry. Waits until the loop has been left alone and no app thread is there to take it. Returns true when the
 * caller has the drive; false once the drive has stopped. An idle worker is not looked after: the sentry sleeps then.
 */
bool drive_watch(struct drive *);
/* Whether it must hand over: an app thread waits for the drive and could serve, or the drive has stopped. Asked between
 * any two events. */
bool drive_is_wanted(const struct drive *);
/* Leaves the loop and calls one app thread that waits, if any. */
void drive_hand_over(struct drive *);

#endif
