/* SPDX-License-Identifier: MIT
 * The table of subcommands as an array. Read-only. */
#include "commands.h"

#include <string.h>

const struct command_description commands_table[] = {
#define COMMAND(name, function, usage, help) {name, usage, help},
#include "commands.def"
#undef COMMAND
    {NULL, NULL, NULL},
};

int commands_find(int argc, char *const *argv)
{
    for (int i = 0; argc > 1 && commands_table[i].name != NULL; i++) {
        if (strcmp(argv[1], commands_table[i].name) == 0)
            return i;
    }
    return -1;
}
