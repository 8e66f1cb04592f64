/* SPDX-License-Identifier: MIT
 * One place in the crew and the process that fills it, as the master knows it: its state, its deadlines, and when the
 * next attempt is due after a failure. Only book-keeping: nothing here makes a system call but to say the end over
 * its channel and to close its descriptors. */
#ifndef CLUTCH_SLOT_H
#define CLUTCH_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The number of the monitor's slot, which is none of the crew. */
enum { SLOT_MONITOR = -1 };

enum slot_state {
    SLOT_EMPTY,    /* no process; the next attempt is due at start_us */
    SLOT_ORDERED,  /* the zygote was asked for a worker; its pid is not known yet */
    SLOT_STARTING, /* loading the application */
    SLOT_HELD,     /* a worker that could serve, but has not been told to */
    SLOT_READY,    /* serving; the zygote: able to fork */
    SLOT_DRAINING, /* told to end */
    SLOT_KILLED,   /* SIGKILL was sent; about to be reaped, by deadline_us at the latest */
};

#define SLOT_NEVER INT64_MAX

struct slot {
    bool is_used;   /* otherwise the rest means nothing */
    int number;     /* of the worker; 0: the zygote; SLOT_MONITOR */
    int row;        /* its place in the scoreboard and in the hand-off board; below 0: it has none */
    int generation; /* that it belongs to, from 1 */
    bool is_last;   /* nobody follows the process in this slot: the slot is free when it has ended */
    enum slot_state state;
    pid_t pid;             /* 0: none, or not known yet */
    pid_t told_pid;        /* what the zygote has told of as its pid, while that cannot be looked at; 0: nothing */
    int pid_fd;            /* owned; means this process for ever; -1: none, the pid is that of a child not yet reaped */
    uint64_t serial;       /* of the process in this slot, different for every one of the server's life */
    int control_fd;        /* owned: the channel to the process, whose end ends it too; -1: none */
    bool has_sent_rubbish; /* this process, over the channel */
    bool has_shown_stacks; /* it was asked to before it is killed */
    int64_t stacks_us;     /* when, if it says when it has; else 0 */
    bool is_asked;         /* for a sign of life; see liveness.c */
    uint32_t beats;        /* of its row, when it was asked */
    int misses;            /* how often there was no answer since */
    int64_t start_us;      /* EMPTY: when the next attempt is due */
    int64_t started_us;    /* when this process was started */
    int64_t ready_us;      /* when it became able to serve; 0: not yet */
    int64_t deadline_us;   /* by when it must have reached the next state; SLOT_NEVER */
    unsigned failures;     /* in a row */
    bool has_failed;       /* an attempt to start in this slot has failed, ever */
    bool was_ready;        /* a process in this slot has been able to serve, ever */
    int end_cause;         /* enum restart_cause of the end that it was told to come to; -1: it was not told to;
                              RESTART_COUNT: an end that is not counted */
    uint64_t replaces;     /* serial of the process in whose place this one is to serve; 0: it has one of its own */
    int recycle_cause;     /* enum restart_cause: this process is to be replaced; -1: it is not */
    int64_t recycle_us;    /* from when on */
    int64_t recycle_pause_us; /* before the last attempt; 0: none yet */
    int64_t retire_us;        /* when it will be too old; 0: not known yet */
};

enum { SLOT_NAME_BYTES = 48 };

/* A used slot without a process, whose first attempt is due at once. */
void slot_init(struct slot *, int number, int row, int generation, int64_t now_us);

/* A process is being started. Takes control_fd. boot_timeout_us 0: no limit. */
void slot_order(struct slot *, uint64_t serial, int control_fd, int64_t now_us, int64_t boot_timeout_us);
/* Its pid is known: it is starting, unless it has been told to end meanwhile. */
void slot_begin(struct slot *, pid_t pid);
/* The same for a process that was not forked here. Takes pid_fd. */
void slot_begin_told(struct slot *, pid_t pid, int pid_fd);
/* It is able to serve; a worker is held (SLOT_HELD) until slot_let_go. */
void slot_become_ready(struct slot *, int64_t now_us);
/* A worker that was held has been told to serve. */
void slot_let_go(struct slot *);
/* It has been told to end, and must have done so by then (SLOT_NEVER: when it likes). What it says is still
 * heard. */
void slot_drain(struct slot *, int64_t deadline_us);
/* It is sent SIGKILL, and its end should be seen by then. */
void slot_kill(struct slot *, int64_t deadline_us);
/* The process has ended, or could not be started: the slot is empty. Decides when the next attempt is due. */
void slot_end(struct slot *, int64_t now_us);
/* The order came to nothing through no fault of the slot (the zygote has died, or is not listening): empty, and due
 * then. */
void slot_cancel(struct slot *, int64_t start_us);
/* Closes the descriptors, and changes nothing else: in a child, and at the end. */
void slot_close(struct slot *);

/* Whether a process is there, known or on its way. */
static inline bool slot_is_taken(const struct slot *slot)
{
    return slot->state != SLOT_EMPTY;
}

/* Whether there is a process that has not been told to end. */
static inline bool slot_is_wanted(const struct slot *slot)
{
    return slot->state == SLOT_ORDERED || slot->state == SLOT_STARTING || slot->state == SLOT_HELD ||
           slot->state == SLOT_READY;
}

/* Whether a process in it has been tried, and will not serve. */
static inline bool slot_is_broken(const struct slot *slot)
{
    return slot->state == SLOT_DRAINING || slot->state == SLOT_KILLED ||
           (slot->state == SLOT_EMPTY && (slot->has_failed || slot->was_ready));
}

/* Writes "worker 3 (pid: 8)" "zygote (pid: 7)" or "monitor (pid: 9)" and returns `name` (SLOT_NAME_BYTES). */
const char *slot_format_name(const struct slot *, char *name);

#endif
