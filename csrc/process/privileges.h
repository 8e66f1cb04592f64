/* SPDX-License-Identifier: MIT
 * The user and group that workers run as. Looked up in the master, taken on in the children. */
#ifndef CLUTCH_PRIVILEGES_H
#define CLUTCH_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "attrs.h"

struct privileges {
    bool has_user;  /* uid is to be taken on */
    bool has_group; /* gid and groups are */
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* owned; the supplementary groups */
    int group_count;
    bool forbids_gains; /* PR_SET_NO_NEW_PRIVS: programs that are started have no more rights than who starts them */
};

/* The words of --no-new-privs. */
enum { NO_NEW_PRIVS_AUTO, NO_NEW_PRIVS_ON, NO_NEW_PRIVS_OFF };

struct config;

/* Looks up --user and --group (names or numbers, NULL: not given). Groups are those of the user, as for a login.
 * Returns 0, or -1 after writing to `error` (size bytes) which value is wrong and why. End it with privileges_fini
 * either way. */
int privileges_init(struct privileges *, const char *user, const char *group, char *error, size_t size) MUST_CHECK;
void privileges_fini(struct privileges *);

/* Whether this process may take them on: it has them already, or is root. */
bool privileges_are_allowed(const struct privileges *);

/* All of it from --user, --group, --no-new-privs and --sandbox, and whether this process may take them on. Returns 0,
 * or -1 after writing to `error` (size bytes) what is wrong. End it with privileges_fini either way. */
int privileges_of_config(struct privileges *, const struct config *, char *error, size_t size) MUST_CHECK;

/* Logs as whom root's workers will run, never silently as root, and that somebody else's keep no capability. For the
 * master. */
void privileges_announce(const struct privileges *);

/* Takes them on, for good: supplementary groups, group, user (real, effective, saved). Who is not root then keeps no
 * capability, be it one that was got without root. For a process with one thread. 0 or -errno: the process must end
 * then. */
int privileges_drop(const struct privileges *) MUST_CHECK;

#endif
