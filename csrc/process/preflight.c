/* SPDX-License-Identifier: MIT */
#include "preflight.h"

#include <stdio.h>

#include "access_log.h"
#include "config.h"
#include "listener.h"
#include "privileges.h"

enum { REASON_BYTES = 512 };

static int check_addresses(const struct config *config, char *error, size_t size)
{
    char reason[REASON_BYTES];

    for (size_t i = 0; i < config->bind.count; i++) {
        if (listener_check_address(config->bind.items[i], reason, sizeof(reason)) < 0) {
            snprintf(error, size, "--bind: %s", reason);
            return -1;
        }
    }
    return 0;
}

static int check_access_log(const struct config *config, char *error, size_t size)
{
    char reason[REASON_BYTES];
    struct access_log *log;

    if (config->access_logfile == NULL)
        return 0;
    log = access_log_new(config->access_logformat, -1, reason, sizeof(reason));
    if (log == NULL) {
        snprintf(error, size, "--access-logformat '%s': %s", config->access_logformat, reason);
        return -1;
    }
    access_log_free(log);
    return 0;
}

static int check_privileges(const struct config *config, char *error, size_t size)
{
    struct privileges privileges;
    int result = privileges_init(&privileges, config->user, config->group, error, size);

    privileges_fini(&privileges);
    return result;
}

int preflight_check_options(const struct config *config, char *error, size_t size)
{
    if (check_addresses(config, error, size) < 0 || check_access_log(config, error, size) < 0)
        return -1;
    return check_privileges(config, error, size);
}
