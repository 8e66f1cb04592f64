/* SPDX-License-Identifier: MIT
 * Users and groups by name or number. */
#ifndef CLUTCH_IDS_H
#define CLUTCH_IDS_H

#include <stdbool.h>
#include <sys/types.h>

#include "attrs.h"

/* Names come first: a user may be called "123". False when there is no such name and the text is no number either. A
 * number need not be in the database. */
bool ids_find_user(const char *text, uid_t *uid) MUST_CHECK;
bool ids_find_group(const char *text, gid_t *gid) MUST_CHECK;

/* USER, USER:GROUP or :GROUP, as --chown-socket has it. What is not said is (uid_t)-1 or (gid_t)-1: leave it as it is.
 * NULL, or what is wrong with the text. */
const char *ids_find_owner(const char *text, uid_t *uid, gid_t *gid) MUST_CHECK;

#endif
