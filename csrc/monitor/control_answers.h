/* SPDX-License-Identifier: MIT
 * What is answered at the control socket: a table of paths. None of them is found at --metrics-bind, nor the other way
 * round.
 *
 *     GET /status              the server as JSON: see csrc/CONTROL.md
 *     GET /stacks[?worker=N]   the Python stacks of all workers, or of one
 *     GET /reload              how the last reload has gone
 *     POST /reload             asks for one */
#ifndef CLUTCH_CONTROL_ANSWERS_H
#define CLUTCH_CONTROL_ANSWERS_H

#include <stdint.h>
#include <sys/types.h>

#include "attrs.h"
#include "buf.h"
#include "worker_memory.h"

struct exchange;
struct monitor_task;

/* The worker of a row that was asked for its stacks. */
struct stacks_question {
    pid_t pid; /* 0: none was */
    uint32_t ticket;
};

struct control_answers {
    const struct monitor_task *task; /* borrowed */
    struct worker_memory memory;
    struct buf text;                   /* of the latest response */
    char *stacks;                      /* owned: STACKS_BYTES */
    struct stacks_question *questions; /* owned: one for each row */
};

/* 0 or -ENOMEM, with nothing to be freed. */
int control_answers_init(struct control_answers *, const struct monitor_task *) MUST_CHECK;
void control_answers_fini(struct control_answers *);

/* Leaves the response to the request in the exchange. Waits for stacks, a second at most. */
void control_answers_serve(struct control_answers *, struct exchange *);

#endif
