/* SPDX-License-Identifier: MIT */
#include "h1_reason.h"

static const struct {
    int status;
    const char *label, *text;
} reasons[H1_REASON_COUNT] = {
    {0, "none", ""},
#define REASON(name, status, label, text) {status, label, text},
#include "h1_reasons.def"
#undef REASON
};

int h1_reason_status(enum h1_reason reason)
{
    return reasons[reason].status;
}

const char *h1_reason_label(enum h1_reason reason)
{
    return reasons[reason].label;
}

const char *h1_reason_text(enum h1_reason reason)
{
    return reasons[reason].text;
}
