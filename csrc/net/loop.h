/* SPDX-License-Identifier: MIT
 * The event loop: an epoll set, the batch of events it returned, and deadlines. No thread of its own: whoever calls
 * loop_wait drives it. All of it belongs to one thread at a time (see drive.h), which others can interrupt. Nothing
 * here knows of HTTP or Python; waiting happens without the GIL. */
#ifndef CLUTCH_LOOP_H
#define CLUTCH_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "attrs.h"
#include "list.h"

enum {
    LOOP_BATCH = 64,           /* events of one look at the world */
    LOOP_REPEATS = LOOP_BATCH, /* room behind a full batch for events that are handled once more */
};

/* A descriptor in the loop. Lives in its owner, which must call loop_remove before it dies. */
struct loop_source {
    int fd;
    void (*on_events)(struct loop_source *, uint32_t epoll_events);
};

/* A moment at which something is due. Lives in its owner; zeroed it is not set. */
struct deadline {
    struct list_node node;
    int64_t expires_us;
};

/* Deadlines that are all equally far away, so that the list is in order by itself: setting one is O(1). */
struct deadline_queue {
    struct list list;
    int64_t timeout_us; /* 0: never */
    void (*on_deadline)(struct deadline *);
    struct list_node queue_node;
};

struct loop {
    int epoll_fd;
    int64_t now_us; /* clock_now_us() of the last return from waiting */
    int event_next; /* the batch: events not handled yet stay for the next step */
    int event_count;
    struct epoll_event events[LOOP_BATCH + LOOP_REPEATS];
    struct list deadline_queues;
    int64_t longest_wait_us; /* of each wait from now on; 0: no other limit than the deadlines */
    /* Set while the driver may block in waiting, for others to see; the driver may point it elsewhere. NULL: nobody. */
    _Atomic(uint32_t) *waiting_flag;
    uint32_t seen_interrupts; /* those that the driver will notice by itself */
    int wake_fd;              /* an eventfd, never read */
    /* For all threads. */
    _Atomic(uint32_t) is_waiting; /* the driver is about to block in waiting, or does */
    _Atomic(uint32_t) waits;      /* how often it has come back from waiting */
    _Atomic(uint32_t) interrupts;
};

/* 0 or -errno. */
int loop_init(struct loop *) MUST_CHECK;
void loop_fini(struct loop *);

/* Adds or changes interest; `events` as for epoll_ctl. 0 or -errno. */
int loop_add(struct loop *, struct loop_source *, uint32_t events) MUST_CHECK;
/* Tells anew of what is ready at a source that is in the set, edge triggered, with these events. From any thread. */
void loop_tell_again(struct loop *, struct loop_source *, uint32_t events);
/* Takes the source out of the set and out of the rest of the batch. Returns whether an event may be lost with it: one
 * was in the batch, or the batch is full and there may be more. */
bool loop_remove(struct loop *, struct loop_source *);

/* Waits (at most until the next deadline, not at all when `may_wait` is false or events are left over), then returns
 * true when there is an event to dispatch. Runs due deadlines first. */
bool loop_wait(struct loop *, bool may_wait);
/* From any thread: ends the wait of whoever drives, or has the next one end at once unless it began a look at the world
 * (returned from loop_wait) after this call. What the caller changed before, the driver sees when loop_wait returns. */
void loop_interrupt(struct loop *);
/* Handles the event once more at the end of this batch, if there is room: even behind a full one for LOOP_REPEATS. */
void loop_repeat(struct loop *, struct loop_source *, uint32_t events);
/* Handles one event of the batch; returns false when the batch is empty. */
bool loop_dispatch(struct loop *);

void deadline_queue_init(struct loop *, struct deadline_queue *, int64_t timeout_us,
                         void (*on_deadline)(struct deadline *));
/* Sets (or moves) a deadline to the queue's timeout from loop->now_us on. */
void deadline_set(struct loop *, struct deadline_queue *, struct deadline *);
static inline void deadline_clear(struct deadline *deadline)
{
    list_remove(&deadline->node);
}

#endif
