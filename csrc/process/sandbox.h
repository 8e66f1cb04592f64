/* SPDX-License-Identifier: MIT
 * --sandbox: what the workers, the zygote and all that the application starts may still do. Prepared in the master,
 * where mistakes are told once; entered by each child before Python starts, while it has one thread: so it holds for
 * whatever thread the application will start, and while the application is loaded. */
#ifndef CLUTCH_SANDBOX_H
#define CLUTCH_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "attrs.h"
#include "sandbox_calls.h"

struct config;

/* The words of --sandbox. */
enum { SANDBOX_OFF, SANDBOX_ON, SANDBOX_BEST_EFFORT };

struct sandbox {
    const struct config *config; /* borrowed; NULL: off */
    const char *temporary;       /* directory of temporary files, writable; NULL: there is none */
    int abi;                     /* of Landlock; 0: without */
    int rules_fd;                /* owned; -1: without */
    bool filters_calls;          /* `calls` is to be entered */
    struct sandbox_calls calls;
};

/* A sandbox that is off, to be prepared or left so. */
#define SANDBOX_NONE ((struct sandbox){.rules_fd = -1})

/* Finds out what the kernel has and makes the rules of --sandbox, --sandbox-write and --sandbox-exec. Returns 0 (also
 * with the sandbox off), or -1 after writing to `error` (size bytes) what is missing. End it with sandbox_fini. */
int sandbox_prepare(struct sandbox *, const struct config *, char *error, size_t size) MUST_CHECK;
void sandbox_fini(struct sandbox *);

/* Logs what will be in force, and what the kernel lacks. */
void sandbox_announce(const struct sandbox *);

/* Enters it, for good, after the privileges were dropped. Closes the descriptor of the rules in this process. Returns
 * 0 or -errno: the process must end then. */
int sandbox_enter(struct sandbox *) MUST_CHECK;

/* For a worker that was forked by the zygote, which has entered it: takes its siblings and the zygote out of its reach,
 * as they are for a worker that has entered it by itself. While it has one thread. 0 or -errno: the process must end
 * then. */
int sandbox_separate(const struct sandbox *) MUST_CHECK;

#endif
