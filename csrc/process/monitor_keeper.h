/* SPDX-License-Identifier: MIT
 * The monitor as the master sees it: started when there is something for it to do, started again when it dies, ended
 * last of all. Whatever becomes of it, the server goes on. */
#ifndef CLUTCH_MONITOR_KEEPER_H
#define CLUTCH_MONITOR_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "attrs.h"
#include "listener.h"
#include "slot.h"

struct master;
struct notice;

struct monitor_keeper {
    struct slot slot;
    bool is_wanted;
    struct listener *listeners; /* owned, open; may be NULL */
    size_t listener_count;
    struct listener control; /* owned: the control socket; its fd is -1 when there is none */
};

/* Before anything else. */
void monitor_keeper_init(struct monitor_keeper *, int64_t now_us);

/* Starts it if that is due. A failure is logged and tried again later. */
void monitor_keeper_start_due(struct master *);
/* When to look at it again; SLOT_NEVER. */
int64_t monitor_keeper_next_us(const struct master *);

/* It has told this. */
void monitor_keeper_take_notice(struct master *, const struct notice *);

/* Whether the process that has ended was the monitor; then it is to be started again. */
bool monitor_keeper_bury(struct master *, pid_t pid, int wait_status);

/* Another server has its listeners: it is told to end, and not waited for nor started again. */
void monitor_keeper_leave(struct master *);

/* Ends it and waits for its end, two seconds at most; then it is killed. When all workers have gone. */
void monitor_keeper_end(struct master *);

/* Closes its listeners in other children. */
void monitor_keeper_close(struct monitor_keeper *);
/* Ends its addresses, in the master after its end, and frees what it has. */
void monitor_keeper_fini(struct monitor_keeper *);

#endif
