/* SPDX-License-Identifier: MIT
 * What a master passes to the one that is to follow it, as text in the environment: open descriptors and what they are.
 * Both masters may be of different versions of the program: what the text does not say is not passed. */
#ifndef CLUTCH_PASSING_H
#define CLUTCH_PASSING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "attrs.h"

/* What the old master says over the channel when there is no way back. The next message is that it lets go. */
#define PASSING_PROMISE "yours"

enum passed_kind {
    PASSED_BIND,
    PASSED_METRICS,
    PASSED_CONTROL,
    PASSED_KINDS,
};

struct passed_listener {
    int fd;
    enum passed_kind kind;
    bool is_kept;  /* another program goes on with it: a service manager's */
    bool is_taken; /* by the new master; not part of the text */
    dev_t device;  /* of its file, and the inode; 0: it has none */
    ino_t inode;
    const char *address; /* as the options named it; "": no option did. In the text that was read */
};

struct passing {
    pid_t from;                        /* the old master */
    int channel_fd;                    /* to it */
    int keeper_fd;                     /* a pipe in which process 1 is told who its master is; -1: none */
    int take_fd, give_fd;              /* the queue of all workers */
    uint64_t queue_format;             /* handoff_format() */
    struct passed_listener *listeners; /* owned */
    size_t count;
};

/* The text, to be freed by the caller; NULL: no memory. */
char *passing_format(const struct passing *) MUST_CHECK;

/* Reads it; `text` is cut up and has to outlive the result. 0, or -1 when it means nothing here. End it with
 * passing_fini either way. */
int passing_parse(struct passing *, char *text) MUST_CHECK;
void passing_fini(struct passing *);

#endif
