/* SPDX-License-Identifier: MIT */
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

enum { GROUPS_FIRST = 32 };

/* (uid_t)-1 means "leave it as it is" to the kernel. */
static bool parse_id(const char *text, unsigned *id)
{
    uint64_t number;

    if (!text_parse_u64(slice_of_string(text), &number) || number >= UINT32_MAX)
        return false;
    *id = (unsigned)number;
    return true;
}

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
    const struct group *entry = getgrnam(group);

    if (entry != NULL) {
        privileges->gid = entry->gr_gid;
    } else if (!parse_id(group, &privileges->gid)) {
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
    *entry = getpwnam(user);
    if (*entry != NULL) {
        privileges->uid = (*entry)->pw_uid;
    } else if (parse_id(user, &privileges->uid)) {
        *entry = getpwuid(privileges->uid);
    } else {
        snprintf(error, size,
                 "--user %s: there is no such user; expected a name from the password database, or a number", user);
        return -1;
    }
    privileges->has_user = true;
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

int privileges_drop(const struct privileges *privileges)
{
    if (geteuid() != 0)
        return has_them_already(privileges) ? 0 : -EPERM;
    if (privileges->has_group) {
        if (setgroups((size_t)privileges->group_count, privileges->groups) < 0)
            return -errno;
        if (setresgid(privileges->gid, privileges->gid, privileges->gid) < 0)
            return -errno;
    }
    if (privileges->has_user && setresuid(privileges->uid, privileges->uid, privileges->uid) < 0)
        return -errno;
    /* A kernel that lets the process back has not really dropped anything. */
    if (privileges->has_user && privileges->uid != 0 && setuid(0) == 0)
        return -EPERM;
    return 0;
}
