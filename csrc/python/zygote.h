/* SPDX-License-Identifier: MIT
 * What the interpreter needs before it is forked. */
#ifndef CLUTCH_ZYGOTE_H
#define CLUTCH_ZYGOTE_H

#include "python_api.h"

struct errors;

/* Collects garbage and takes what is left out of later collections, so that a collection in a worker touches no shared
 * page. Warns when the application started threads: they will not be in the workers. Requires the GIL; failures are
 * logged. */
void zygote_freeze(const struct errors *);

#endif
