/* SPDX-License-Identifier: MIT
 * What config keeps beside the values: who set each of them, and the memory of every text. Private to this folder. */
#ifndef CLUTCH_LEDGER_H
#define CLUTCH_LEDGER_H

#include <stdbool.h>

#include "options.h"
#include "slice.h"

/* In the order of their power: a later one wins. */
enum origin_kind { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENVIRONMENT, ORIGIN_COMMAND_LINE };

/* Where a value comes from. */
struct origin {
    enum origin_kind kind;
    unsigned layer;       /* ORIGIN_FILE: which section of which file; a later one wins */
    const char *spelling; /* "--processes", "-w", "CLUTCH_WORKERS", "APP", "shop.ini:3: workers"; kept by the ledger or
                             static */
    unsigned line;        /* ORIGIN_FILE: from 1 */
    const char *file;     /* ORIGIN_FILE: its path as given */
};

/* Whether `a` wins over `b` (> 0), the other way round (< 0), or both have the same power. */
static inline int origin_compare(const struct origin *a, const struct origin *b)
{
    return a->kind != b->kind ? (int)a->kind - (int)b->kind : (a->layer > b->layer) - (a->layer < b->layer);
}

struct kept_text; /* a text with a link to the next */

struct config_ledger {
    struct origin options[OPTIONS_COUNT];
    struct origin app; /* spelling NULL: nobody has tried to name one */
    bool workers_are_auto;
    bool is_out_of_memory; /* some text or list could not be kept: the config must not be used */
    struct kept_text *texts;
};

/* Returns an empty ledger, or NULL without memory. */
struct config_ledger *ledger_new(void) MUST_CHECK;
/* Frees it and every text that it keeps; NULL is fine. */
void ledger_free(struct config_ledger *);

/* Copies `text` and ends it with NUL; the copy lives as long as the ledger. Without memory: "" and is_out_of_memory is
 * set. */
const char *ledger_keep(struct config_ledger *, struct slice text);

#endif
