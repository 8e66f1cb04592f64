/* SPDX-License-Identifier: MIT
 * The latest two states of a server, for `clutch top`: also while it is away, and when it comes back as another one. */
#ifndef CLUTCH_TOP_SAMPLES_H
#define CLUTCH_TOP_SAMPLES_H

#include <stdbool.h>
#include <stdint.h>

#include "control_client.h"
#include "status_view.h"

struct top_samples {
    const char *address; /* borrowed */
    struct control_reply now, before;
    bool was_away;                  /* the latest attempt has failed */
    char news[CONTROL_ERROR_BYTES]; /* why; or that it is back, until the next one; "" */
};

void top_samples_init(struct top_samples *, const char *address);
void top_samples_fini(struct top_samples *);

/* Asks, and waits for `timeout_ms` at most. Returns whether there was an answer; else what was known stays. */
bool top_samples_take(struct top_samples *, int64_t timeout_ms);

/* For the views; `now` is NULL before the first answer, `before` unless both are of one life of the server. */
struct status_samples top_samples_view(const struct top_samples *);

#endif
