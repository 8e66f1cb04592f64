/* SPDX-License-Identifier: MIT
 * The state of the master, for the files that make it up: master.c (set-up, loop, end), spawn.c (how processes come to
 * life), hear.c (what they tell), supervise.c (what becomes of them), generation.c (reloads). */
#ifndef CLUTCH_MASTER_PRIV_H
#define CLUTCH_MASTER_PRIV_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attrs.h"
#include "crew.h"
#include "handoff.h"
#include "inherit.h"
#include "log_syslog.h"
#include "monitor_keeper.h"
#include "oom.h"
#include "privileges.h"
#include "restarts.h"
#include "sandbox.h"
#include "service.h"
#include "watch.h"

enum master_phase {
    MASTER_RUNNING,
    MASTER_STOPPING, /* told the workers to drain; waiting for them */
    MASTER_KILLING,  /* sent SIGKILL to all; waiting to reap them */
};

struct reload {
    bool is_wanted;       /* one is to be begun */
    bool waits_for_room;  /* which has been said */
    uint64_t number;      /* of the request (board_reload.h) that the one under way answers */
    uint64_t last_number; /* of the last request */
    int64_t began_us;
    bool application_waits; /* it has asked for one (uwsgi.reload), which may begin from then on: */
    int64_t application_us;
    char failure[512]; /* why it will fail; "": it will not, so far */
};

struct handover;
struct launch;
struct upgrade;

struct master {
    const struct config *config;
    const struct gateway_ops *gateway_ops;
    const struct launch *launch;     /* NULL: nothing is known of it */
    struct log_syslog access_syslog; /* open where inherit.access_syslog points to it */
    struct inherit inherit;          /* borrows from this struct */
    struct privileges privileges;
    struct sandbox sandbox;
    struct scoreboard *scoreboard;   /* owned */
    struct app_metrics *app_metrics; /* owned; NULL: none */
    struct handoff handoff;          /* owned, open */
    struct listener *listeners;      /* owned, open */
    size_t listener_count;
    struct crew crew;
    struct monitor_keeper monitor;
    struct oom oom;
    int64_t stacks_until_us; /* a child that is to be killed may be writing its stacks to the log */
    int64_t liveness_us;     /* when the workers are asked next for a sign of life */
    int generation;          /* that serves */
    int coming;              /* that is to follow it; 0: no reload is under way */
    int last_generation;     /* highest number that was ever given */
    int directory_fd;        /* owned; where the generation that serves runs; -1: where the master does */
    int coming_directory_fd; /* owned; where the next one does; -1: no reload is under way */
    struct reload reload;
    struct service service;
    struct handover *handover; /* owned; from the master that this one follows; NULL: there was none */
    struct upgrade *upgrade;   /* owned; NULL: nobody has asked for one */
    int asked_workers;         /* so many more, or less if below 0 */
    struct watch watch;
    bool awaits_change; /* nobody serves, for the application could not be loaded; --reload */
    int signal_fd;
    struct pollfd *watched; /* owned; room for signal_fd and the channel of each slot */
    uint64_t last_serial;
    pid_t reaped_pid; /* a child that has just been reaped, and whose pid was not known before; 0: none */
    int64_t began_us;
    bool is_told_to_stop;     /* also while --drain-delay holds everything else back; the board says so to the others */
    bool has_announced_ready; /* "ready: 5 workers serve" is said once */
    bool has_pidfile;
    int64_t logs_again_us; /* when children that could not be given the new logs are tried again; SLOT_NEVER */
    int64_t drain_us; /* when --drain-delay is over; SLOT_NEVER: nobody has told the server to stop, or it is over */
    int64_t
        listeners_end_us; /* MASTER_STOPPING: when the listeners are closed at the latest; SLOT_NEVER: not, or done */
    enum master_phase phase;
    int exit_status;
};

/* --- spawn.c --- */

/* In a process just forked: closes what is the master's alone. */
void spawn_release_in_child(struct master *);

/* The processes that are due. */
void spawn_due(struct master *);
/* Starts a process in an empty slot, or orders it from the zygote. A failure is logged and tried again later. */
void spawn_slot(struct master *, struct slot *);
/* The pid of a process ordered from the zygote has become known. That of a stranger is not believed, as the master
 * would signal it: the slot is empty then. */
void spawn_note_pid(struct master *, struct slot *, pid_t pid);
/* That of one whose pid could not be looked at when it was told of: by now it is the master's child, or has gone, and
 * the slot is empty. */
void spawn_look_again(struct master *, struct slot *);

/* --- hear.c --- */

/* Reads what the children have told, or one of them. Whoever has closed its channel loses it. */
void hear_children(struct master *);
void hear_child(struct master *, struct slot *);

/* --- supervise.c --- */

/* Waits for the children that have ended, orphans of theirs included (all of them belong to process 1). */
void supervise_reap(struct master *);
/* Kills those whose time is up. */
void supervise_enforce_deadlines(struct master *, int64_t now_us);

/* A worker that is held is to serve. */
void supervise_let_go(struct master *, struct slot *);
/* The process in the slot is told to end, if there is one, and gets --graceful-timeout for that; nobody follows it in
 * the slot. The cause is counted when it has ended. */
void supervise_end(struct master *, struct slot *, enum restart_cause);

/* The process ends by itself, and gets --graceful-timeout for that. */
void supervise_ending(struct master *, struct slot *);

/* SIGKILL. The reason has been logged. */
void supervise_kill(struct master *, struct slot *);

/* Tells all to drain and gives them --graceful-timeout; none is started any more. */
void supervise_drain_all(struct master *);
/* SIGKILL to all; none is started any more. */
void supervise_kill_all(struct master *);

#endif
