/* SPDX-License-Identifier: MIT
 * Puts one text into one option, wherever it comes from. */
#ifndef CLUTCH_VALUE_H
#define CLUTCH_VALUE_H

#include "ledger.h"
#include "mistakes.h"
#include "options.h"

/* Reads `text` as the option's kind says and stores it, with its origin; lists grow, but an origin of more power starts
 * them anew. A text that is not allowed is added to `mistakes` and changes nothing. Not for KIND_ACTION. */
void value_set(struct config *, struct mistakes *, enum option_id, struct slice text, struct origin);

/* Gives every option its default. */
void value_set_defaults(struct config *, struct mistakes *);

/* Frees what the values own beside the texts. */
void value_free_all(struct config *);

/* How a message calls the option that `spelling` names: "--processes", "CLUTCH_WORKERS", "-w (--workers)". */
struct quoted value_label(const char *spelling, const struct option *);

#endif
