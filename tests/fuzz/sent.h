/* SPDX-License-Identifier: MIT
 * Whether the application is given the request that its client has sent. */
#ifndef CLUTCH_FUZZ_SENT_H
#define CLUTCH_FUZZ_SENT_H

#include "exchange.h"
#include "reference.h"
#include "slice.h"

/* Aborts, saying why, when the exchange is not what the second reader has found: fields may have been dropped, but for
 * the id of the request, which is there once when it has a name. */
void sent_check(const struct exchange *, const struct reference *, struct slice id_name);

#endif
