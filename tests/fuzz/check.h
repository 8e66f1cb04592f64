/* SPDX-License-Identifier: MIT
 * What a fuzz target expects, whatever its input. */
#ifndef CLUTCH_FUZZ_CHECK_H
#define CLUTCH_FUZZ_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Says what is wrong and aborts, which a fuzzer takes for a finding. */
static inline void check(bool is_right, const char *what)
{
    if (is_right)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

#endif
