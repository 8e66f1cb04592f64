/* SPDX-License-Identifier: MIT
 * commands.def as data: what `clutch NAME ...` is there besides the server. What they do is main.c's. */
#ifndef CLUTCH_COMMANDS_H
#define CLUTCH_COMMANDS_H

#include <stddef.h>

struct command_description {
    const char *name;
    const char *usage; /* what follows the name; may be "" */
    const char *help;
};

/* In the order of the table; the last has no name. */
extern const struct command_description commands_table[];

/* The number of the command that the first argument names, exactly; -1 when it names none. */
int commands_find(int argc, char *const *argv);

#endif
