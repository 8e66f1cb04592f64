/* SPDX-License-Identifier: MIT */
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "capabilities.h"
#include "config.h"
#include "ids.h"
#include "log.h"
#include "sandbox.h"

enum { GROUPS_FIRST = 32 };

/* The groups that a login of the user would have, `gid` among them. */
static int load_groups(struct privileges *privileges, const char *user_name)
{
    int count = GROUPS_FIRST;

    for (;;) {
        gid_t *groups = reallocarray(privileges->groups, (size_t)count, sizeof(*groups));
        int room = count;

        if (groups == NULL)
            return -ENOMEM;
        privileges->groups = groups;
        if (getgrouplist(user_name, privileges->gid, groups, &count) >= 0) {
            privileges->group_count = count;
            return 0;
        }
        /* Not every C library says how many there are. */
        if (count <= room)
            count = room * 2;
    }
}

static int load_single_group(struct privileges *privileges)
{
    privileges->groups = malloc(sizeof(*privileges->groups));
    if (privileges->groups == NULL)
        return -ENOMEM;
    privileges->groups[0] = privileges->gid;
    privileges->group_count = 1;
    return 0;
}

static int find_group(struct privileges *privileges, const char *group, char *error, size_t size)
{
    if (!ids_find_group(group, &privileges->gid)) {
        snprintf(error, size,
                 "--group %s: there is no such group; expected a name from the group database, or a number", group);
        return -1;
    }
    privileges->has_group = true;
    return 0;
}

/* Finds the user; `*entry` is its row of the password database, or NULL for a number that has none. */
static int find_user(struct privileges *privileges, const char *user, const struct passwd **entry, char *error,
                     size_t size)
{
    if (!ids_find_user(user, &privileges->uid)) {
        snprintf(error, size,
                 "--user %s: there is no such user; expected a name from the password database, or a number", user);
        return -1;
    }
    privileges->has_user = true;
    /* Of users who share a number the one that was named counts. */
    *entry = getpwnam(user);
    if (*entry == NULL)
        *entry = getpwuid(privileges->uid);
    if (*entry == NULL && !privileges->has_group) {
        snprintf(error, size,
                 "--user %s: this number has no entry in the password database, so its group is not known: "
                 "say it with --group",
                 user);
        return -1;
    }
    if (!privileges->has_group)
        privileges->gid = (*entry)->pw_gid;
    privileges->has_group = true;
    return 0;
}

int privileges_init(struct privileges *privileges, const char *user, const char *group, char *error, size_t size)
{
    const struct passwd *entry = NULL;
    int result;

    *privileges = (struct privileges){.uid = geteuid(), .gid = getegid()};
    if (group != NULL && find_group(privileges, group, error, size) < 0)
        return -1;
    if (user != NULL && find_user(privileges, user, &entry, error, size) < 0)
        return -1;
    if (!privileges->has_group)
        return 0;
    result = entry != NULL ? load_groups(privileges, entry->pw_name) : load_single_group(privileges);
    if (result < 0) {
        snprintf(error, size, "not enough memory");
        return -1;
    }
    return 0;
}

void privileges_fini(struct privileges *privileges)
{
    free(privileges->groups);
    privileges->groups = NULL;
}

static bool has_them_already(const struct privileges *privileges)
{
    return privileges->uid == geteuid() && privileges->uid == getuid() && privileges->gid == getegid() &&
           privileges->gid == getgid();
}

bool privileges_are_allowed(const struct privileges *privileges)
{
    return geteuid() == 0 || has_them_already(privileges);
}

/* --- With the options --- */

static bool gives_up_root(const struct privileges *privileges)
{
    return geteuid() == 0 && privileges->has_user && privileges->uid != 0;
}

/* A container can have a root that may not change users. */
static bool may_change(const struct privileges *privileges)
{
    return geteuid() != 0 || ((!privileges->has_user || capabilities_has(CAP_SETUID)) &&
                              (!privileges->has_group || capabilities_has(CAP_SETGID)));
}

int privileges_of_config(struct privileges *privileges, const struct config *config, char *error, size_t size)
{
    if (privileges_init(privileges, config->user, config->group, error, size) < 0)
        return -1;
    if (!privileges_are_allowed(privileges)) {
        snprintf(error, size, "--user and --group: only root can serve as somebody else");
        return -1;
    }
    if (!may_change(privileges)) {
        snprintf(error, size,
                 "--user and --group: this root may not change its user and group; the container or service has to "
                 "grant the capabilities CAP_SETUID and CAP_SETGID, or start the server as that user");
        return -1;
    }
    privileges->forbids_gains =
        config->no_new_privs == NO_NEW_PRIVS_ON ||
        (config->no_new_privs == NO_NEW_PRIVS_AUTO && (gives_up_root(privileges) || config->sandbox != SANDBOX_OFF));
    return 0;
}

void privileges_announce(const struct privileges *privileges)
{
    if (geteuid() == 0 && !privileges->has_user)
        log_warning("the workers run as root; name another user with --user, or root itself if that is meant");
    else if (geteuid() == 0 && privileges->uid == 0)
        log_info("the workers run as root, as --user says");
    else if (geteuid() == 0)
        log_info("the workers run as user %u, group %u and %d group%s in all; setuid programs %s", privileges->uid,
                 privileges->gid, privileges->group_count, privileges->group_count == 1 ? "" : "s",
                 privileges->forbids_gains ? "give them no more rights (--no-new-privs)"
                                           : "can give them more rights (--no-new-privs off)");
    else if (capabilities_has_any())
        log_info("the workers keep none of the capabilities that this server has");
}

/* --- In the child --- */

static int take_groups(const struct privileges *privileges)
{
    if (setgroups((size_t)privileges->group_count, privileges->groups) < 0)
        return -errno;
    return setresgid(privileges->gid, privileges->gid, privileges->gid) == 0 ? 0 : -errno;
}

/* Real, effective and saved: a kernel or a security module that leaves one of them has not really dropped anything. */
static bool is_for_good(const struct privileges *privileges)
{
    uid_t uids[3];
    gid_t gids[3];

    if (getresuid(&uids[0], &uids[1], &uids[2]) < 0 || getresgid(&gids[0], &gids[1], &gids[2]) < 0)
        return false;
    for (int i = 0; i < 3; i++) {
        if (uids[i] != privileges->uid || gids[i] != privileges->gid)
            return false;
    }
    return setuid(0) < 0 && seteuid(0) < 0;
}

static int change_user(const struct privileges *privileges)
{
    int result;

    /* For a program with file capabilities. Where setuid programs are to work, they need it. */
    if (privileges->uid != 0 && privileges->forbids_gains)
        capabilities_empty_bounding_set();
    if (setresuid(privileges->uid, privileges->uid, privileges->uid) < 0)
        return -errno;
    if (privileges->uid == 0)
        return 0;
    result = capabilities_clear();
    if (result == 0 && !is_for_good(privileges))
        result = -EPERM;
    return result;
}

/* Of a server that is not root's: a service manager or the file of the program may have given it some, for low ports.
 * The listeners are open by now. */
static int give_up_capabilities(const struct privileges *privileges)
{
    if (privileges->forbids_gains && capabilities_has(CAP_SETPCAP))
        capabilities_empty_bounding_set();
    return capabilities_clear();
}

int privileges_drop(const struct privileges *privileges)
{
    int result = 0;

    if (geteuid() != 0 && !has_them_already(privileges))
        return -EPERM;
    /* The user last: afterwards there is no right left to change groups. */
    if (geteuid() == 0 && privileges->has_group)
        result = take_groups(privileges);
    if (result == 0 && geteuid() == 0 && privileges->has_user)
        result = change_user(privileges);
    else if (geteuid() != 0)
        result = give_up_capabilities(privileges);
    if (result == 0 && privileges->forbids_gains && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        result = -errno;
    return result;
}
