/* SPDX-License-Identifier: MIT
 * What a service manager (systemd) is told of the server: ready, reloading, stopping, a sign of life, another main
 * process. Nothing of it does anything when there is none. Runs in the master. */
#ifndef CLUTCH_SERVICE_H
#define CLUTCH_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct master;

enum { SERVICE_TEXT_BYTES = 1024 };

/* What has been told so far. All zero at the start. */
struct service {
    bool was_ready;
    bool is_reloading;
    bool was_stopping;
    bool has_left;    /* another process is the main one: this one says nothing more */
    bool has_failed;  /* to tell something, which was logged */
    uint64_t reload;  /* number of the last request for a reload that it was told of */
    int64_t alive_us; /* when the next sign of life is due */

    char unsent[SERVICE_TEXT_BYTES]; /* what the manager had no room for; "": nothing. Before it nothing new is told */
    int64_t again_us;                /* when that is tried again */
};

/* After every batch of events: tells what is new. */
void service_step(struct master *);
/* When to look again; SLOT_NEVER. */
int64_t service_next_us(const struct master *);

/* Tells the reason of a failure, for `systemctl status`. */
void service_tell_status(struct master *, const char *text);

/* The main process is another from now on. */
void service_leave(struct master *, pid_t to);

/* Before the end of a process that has left: a manager that has not been told of the other would end the service. Waits
 * a second at most for one that had no room. */
void service_end(struct master *);

#endif
