/* SPDX-License-Identifier: MIT
 * What a request head must be before anybody acts on it, beyond its grammar (RFC 9112 3.2, 5, 6; RFC
 * 9110 4.2, 7.2, 10.1.1). Pure functions over slices. */
#ifndef CLUTCH_H1_RULES_H
#define CLUTCH_H1_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "h1_parse.h"
#include "slice.h"

/* Checks a complete head and fills parse->request: splits the target, finds the authority, gives ids to the fields,
 * drops those that must not reach an application. Returns true, or false with parse->refusal set. */
bool h1_rules_apply(struct h1_parse *parse);

/* host [":" port] (RFC 9110 4.2.1, RFC 3986 3.2.2), without userinfo, not empty. */
bool h1_rules_is_authority(struct slice);

/* A token (RFC 9110 5.6.2), not empty. */
bool h1_rules_is_token(struct slice);

/* A field value: visible characters, space, tab, bytes from 0x80 on (RFC 9110 5.5). */
bool h1_rules_is_field_value(struct slice);

#endif
