/* SPDX-License-Identifier: MIT */
#include "ids.h"

#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>

#include "text.h"

enum { NAME_BYTES = 256 };

/* (uid_t)-1 means "leave it as it is" to the kernel. */
static bool parse_id(const char *text, unsigned *id)
{
    uint64_t number;

    if (!text_parse_u64(slice_of_string(text), &number) || number >= UINT32_MAX)
        return false;
    *id = (unsigned)number;
    return true;
}

bool ids_find_user(const char *text, uid_t *uid)
{
    const struct passwd *entry = getpwnam(text);

    if (entry == NULL)
        return parse_id(text, uid);
    *uid = entry->pw_uid;
    return true;
}

bool ids_find_group(const char *text, gid_t *gid)
{
    const struct group *entry = getgrnam(text);

    if (entry == NULL)
        return parse_id(text, gid);
    *gid = entry->gr_gid;
    return true;
}

const char *ids_find_owner(const char *text, uid_t *uid, gid_t *gid)
{
    const char *colon = strchr(text, ':');
    size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);
    char user[NAME_BYTES];

    *uid = (uid_t)-1;
    *gid = (gid_t)-1;
    if (len >= sizeof(user))
        return "there is no such user";
    memcpy(user, text, len);
    user[len] = '\0';
    if (len > 0 && !ids_find_user(user, uid))
        return "there is no such user";
    if (colon != NULL && !ids_find_group(colon + 1, gid))
        return "there is no such group";
    return NULL;
}
