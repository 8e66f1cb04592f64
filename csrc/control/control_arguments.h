/* SPDX-License-Identifier: MIT
 * The command line of `clutch status` and its like, and where they find the address of the control socket: it is named,
 * or $CLUTCH_CONTROL_SOCKET says it, or the configuration file of the server does. */
#ifndef CLUTCH_CONTROL_ARGUMENTS_H
#define CLUTCH_CONTROL_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attrs.h"

struct config;

enum { CONTROL_EXIT_MISTAKE = 2 };

struct control_arguments {
    const char *address;   /* "@clutch"; borrowed from the rest */
    struct config *config; /* owned; NULL: none was read */
    bool json, wait, batch;
    int64_t timeout_ms, interval_ms, count, worker;
};

enum control_option_kind { CONTROL_FLAG, CONTROL_DURATION, CONTROL_COUNT };

struct control_option {
    const char *name;  /* without "--" */
    const char *value; /* "TIME"; NULL for a flag */
    enum control_option_kind kind;
    size_t offset; /* in struct control_arguments */
    int64_t least; /* of a duration, in ms, or a count */
    const char *help;
};

struct control_command {
    const char *name;    /* "status" */
    const char *summary; /* sentences; lines end in \n */
    const struct control_option *options;
    size_t option_count;
};

/* Reads argv from its third word on into `arguments`, which hold the defaults. Returns true when the command can go on;
 * else *exit_status is that of the process, and what was to be said has been said. Either way
 * control_arguments_fini is to be called. */
bool control_arguments_read(const struct control_command *, int argc, char **argv, struct control_arguments *,
                            int *exit_status) MUST_CHECK;
void control_arguments_fini(struct control_arguments *);

#endif
