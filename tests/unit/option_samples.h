/* SPDX-License-Identifier: MIT
 * A value for every option. */
#ifndef CLUTCH_OPTION_SAMPLES_H
#define CLUTCH_OPTION_SAMPLES_H

#include <string.h>

#include "options.h"

/* A value that each kind accepts and that is no default. */
static inline const char *sample_of(const struct option *option)
{
    switch (option->kind) {
    case KIND_FLAG:
        return "yes";
    case KIND_CHOICE:
        return strrchr(option->value, '|') + 1;
    case KIND_WORDS:
        return option == &options_table[OPTION_debug_without] ? "sentry,balance" : "proto,host";
    case KIND_OCTAL:
        return "077";
    case KIND_COUNT:
    case KIND_WORKERS:
        return "77";
    case KIND_DURATION:
        return "77s";
    case KIND_SIZE:
        return option == &options_table[OPTION_max_worker_rss_bytes] ? "7m" : "7k";
    case KIND_LIST:
        if (option == &options_table[OPTION_forwarded_allow_ips])
            return "10.0.0.0/8";
        if (option == &options_table[OPTION_warmup])
            return "/health";
        return option == &options_table[OPTION_bind] ? "some" : "A=1";
    case KIND_STRING:
        return option == &options_table[OPTION_chdir] ? "/" : "some";
    case KIND_PATHS:
    case KIND_ACTION:
        break;
    }
    return "some";
}

#endif
