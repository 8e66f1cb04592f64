/* SPDX-License-Identifier: MIT
 * Asks a server at its control socket: one request of HTTP/1.1 on a connection of its own. */
#ifndef CLUTCH_CONTROL_CLIENT_H
#define CLUTCH_CONTROL_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "attrs.h"
#include "buf.h"

struct json_tree;

enum { CONTROL_ERROR_BYTES = 512 };

/* An answer: JSON. */
struct control_reply {
    struct buf text;        /* owned: the body */
    struct json_tree *tree; /* owned: what the body says; it lies in the text. NULL when it was not to be read */
};

/* The state of a reply before control_ask, and after control_reply_fini. */
#define CONTROL_REPLY_NONE ((struct control_reply){.tree = NULL})

/* Makes the request and waits for the answer, `timeout_ms` at most. Returns 0 with a reply, to be ended with
 * control_reply_fini; or -1 after writing to `error` (CONTROL_ERROR_BYTES) why there is none, fit for a terminal. */
int control_ask(const char *address, const char *method, const char *target, int64_t timeout_ms, struct control_reply *,
                char *error) MUST_CHECK;
/* The same, with a body that has not been read: it is to be passed on, or to be read by control_reply_read. */
int control_ask_text(const char *address, const char *method, const char *target, int64_t timeout_ms,
                     struct control_reply *, char *error) MUST_CHECK;

/* Makes the tree; the text is not to be used as such any more. Returns 0, or -1 after writing to `error` that it is no
 * JSON; then the reply has ended. */
int control_reply_read(struct control_reply *, const char *address, char *error) MUST_CHECK;

void control_reply_fini(struct control_reply *);

#endif
