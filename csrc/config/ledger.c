/* SPDX-License-Identifier: MIT
 * The ledger keeps texts in a chain, so that a value which is replaced needs no thought about who frees the old one. */
#include "ledger.h"

#include <stdlib.h>

struct kept_text {
    struct kept_text *next;
    char text[];
};

struct config_ledger *ledger_new(void)
{
    return calloc(1, sizeof(struct config_ledger));
}

void ledger_free(struct config_ledger *ledger)
{
    if (ledger == NULL)
        return;
    while (ledger->texts != NULL) {
        struct kept_text *next = ledger->texts->next;

        free(ledger->texts);
        ledger->texts = next;
    }
    free(ledger);
}

const char *ledger_keep(struct config_ledger *ledger, struct slice text)
{
    struct kept_text *kept = malloc(sizeof *kept + text.len + 1);

    if (kept == NULL) {
        ledger->is_out_of_memory = true;
        return "";
    }
    if (text.len > 0)
        memcpy(kept->text, text.ptr, text.len);
    kept->text[text.len] = '\0';
    kept->next = ledger->texts;
    ledger->texts = kept;
    return kept->text;
}
