/* SPDX-License-Identifier: MIT
 * The answer to a request that breaks a rule: a status, one line of text, and a line in the log. */
#ifndef CLUTCH_H1_REFUSAL_H
#define CLUTCH_H1_REFUSAL_H

#include "h1_parse.h"
#include "message.h"

/* Sends what the socket takes at once; the connection is going to close anyway. Without the text when the request was
 * HEAD (RFC 9110 9.3.2); `parse` may be NULL. */
void h1_refusal_send(const struct h1_refusal *, const struct h1_parse *parse, int socket_fd);

/* One line at level info; the client's bytes are escaped. `parse` may be NULL. */
void h1_refusal_log(const struct h1_refusal *, const struct endpoints *, const struct h1_parse *);

#endif
