/* SPDX-License-Identifier: MIT
 * What to say of a name that is no option: options of other servers, and slips of the pen. */
#ifndef CLUTCH_SUGGEST_H
#define CLUTCH_SUGGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "options.h"
#include "slice.h"

/* An option of another server that clutch does not have (foreign.def). */
struct foreign_option {
    const char *name;
    char short_name; /* 0: none */
    bool takes_value;
    const char *instead;
};

extern const struct foreign_option suggest_foreign[];
extern const size_t suggest_foreign_count;

/* NULL when no other server that we know of has it. */
const struct foreign_option *suggest_find_foreign(struct slice name);
const struct foreign_option *suggest_find_foreign_short(char short_name);

/* The accepted name nearest to `name`, or NULL when none is near. */
const struct option_name *suggest_find_nearest(struct slice name);
/* The same among the options' own names. */
const struct option_name *suggest_find_nearest_own(struct slice name);

#endif
