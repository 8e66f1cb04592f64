/* SPDX-License-Identifier: MIT
 * A request that breaks a rule, or cannot be served now: a status and a line of text for the client, a line in the log,
 * one more in the count of its reason. */
#ifndef CLUTCH_H1_REFUSAL_H
#define CLUTCH_H1_REFUSAL_H

#include "h1_parse.h"
#include "message.h"

struct h1_driver;
struct h1_server;

/* By the thread of this driver. Counts it, logs it (level info, the client's bytes escaped and bounded, so many lines a
 * second at most: see h1_log_limit.h), and sends what the socket takes at once; the connection is going to close
 * anyway. Without the text when the request was HEAD (RFC 9110 9.3.2); with its id, in the log as well, when requests
 * have one. `parse` may be NULL. */
void h1_refusal_answer(struct h1_driver *, const struct h1_refusal *, const struct endpoints *,
                       const struct h1_parse *parse, int socket_fd);

/* For whoever drives: sees to it that lines left out of the log are told of soon. */
void h1_refusal_tell_later(struct h1_server *);

/* Once, before the first; and when there will be no more. */
void h1_refusal_init(struct h1_server *);
void h1_refusal_fini(struct h1_server *);

#endif
