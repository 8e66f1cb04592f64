/* SPDX-License-Identifier: MIT
 * The Landlock rules of --sandbox: where may be written and what may be executed, below directories. Made in the
 * master, entered by each child. */
#ifndef CLUTCH_SANDBOX_FILES_H
#define CLUTCH_SANDBOX_FILES_H

#include <stdbool.h>

#include "attrs.h"

/* What Landlock has learnt since its first version; each stands for the ABI that has it. */
enum {
    LANDLOCK_RENAMES = 2,  /* renaming between directories */
    LANDLOCK_TRUNCATE = 3, /* emptying files */
    LANDLOCK_TCP = 4,      /* binding TCP ports */
    LANDLOCK_DEVICES = 5,  /* ioctl on devices */
    LANDLOCK_SCOPES = 6,   /* signals and abstract sockets */
    LANDLOCK_NEWEST = 6,   /* that we make use of */
};

/* The version of Landlock in this kernel; 0: none, or switched off at boot, or hidden by the container. */
int sandbox_files_abi(void);

/* A set of rules that allows nothing yet: no write, no execution, no TCP port to be bound, no signal to and no abstract
 * socket of a process outside. Reading is not restricted. Returns a descriptor (close-on-exec, the caller's) or
 * -errno. */
int sandbox_files_open(int abi) MUST_CHECK;

/* Allows writing, or executing, at the path and below. Follows symbolic links, once, now. 0 or -errno. */
int sandbox_files_allow_writing(int fd, int abi, const char *path) MUST_CHECK;
int sandbox_files_allow_executing(int fd, const char *path) MUST_CHECK;

/* Puts the calling thread, and what it starts from now on, under the rules; PR_SET_NO_NEW_PRIVS must be set. 0 or
 * -errno. */
int sandbox_files_enter(int fd) MUST_CHECK;

/* Within rules that were entered already: parts the calling thread, and what it starts from now on, from all other
 * processes under them, which then can be neither traced nor read nor, where Landlock knows of signals, sent any. 0 or
 * -errno. */
int sandbox_files_separate(int abi) MUST_CHECK;

#endif
