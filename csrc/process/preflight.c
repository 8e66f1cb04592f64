/* SPDX-License-Identifier: MIT */
#include "preflight.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "access_log.h"
#include "config.h"
#include "ids.h"
#include "listener.h"
#include "privileges.h"
#include "sandbox.h"

enum { REASON_BYTES = 512 };

static int check_addresses(const char *option, const struct config_list *addresses, char *error, size_t size)
{
    char reason[REASON_BYTES];

    for (size_t i = 0; i < addresses->count; i++) {
        if (listener_check_address(addresses->items[i], reason, sizeof(reason)) < 0) {
            snprintf(error, size, "%s: %s", option, reason);
            return -1;
        }
    }
    return 0;
}

static int check_owner(const struct config *config, char *error, size_t size)
{
    const char *mistake = NULL;
    uid_t uid;
    gid_t gid;

    if (config->chown_socket != NULL)
        mistake = ids_find_owner(config->chown_socket, &uid, &gid);
    if (mistake != NULL)
        snprintf(error, size, "--chown-socket %s: %s; expected USER, USER:GROUP or :GROUP, names or numbers",
                 config->chown_socket, mistake);
    return mistake != NULL ? -1 : 0;
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

static int check_paths(const char *option, const struct config_list *paths, char *error, size_t size)
{
    for (size_t i = 0; i < paths->count; i++) {
        if (access(paths->items[i], F_OK) < 0) {
            snprintf(error, size, "%s: '%s' cannot be found: %s; expected a directory or file that exists", option,
                     paths->items[i], strerror(errno));
            return -1;
        }
    }
    return 0;
}

static int check_sandbox(const struct config *config, char *error, size_t size)
{
    if (config->sandbox == SANDBOX_OFF)
        return 0;
    if (config->no_new_privs == NO_NEW_PRIVS_OFF) {
        snprintf(error, size, "--no-new-privs off: --sandbox cannot be without it; leave out one of the two");
        return -1;
    }
    return check_paths("--sandbox-write", &config->sandbox_write, error, size) < 0 ||
                   check_paths("--sandbox-exec", &config->sandbox_exec, error, size) < 0
               ? -1
               : 0;
}

static int check_control_socket(const struct config *config, char *error, size_t size)
{
    static const char option[] = "--control-socket: ";
    size_t len = sizeof(option) - 1;

    if (config->control_socket == NULL)
        return 0;
    snprintf(error, size, "%s", option);
    return listener_check_local_address(config->control_socket, error + len, size - len);
}

int preflight_check_options(const struct config *config, char *error, size_t size)
{
    if (check_addresses("--bind", &config->bind, error, size) < 0 ||
        check_addresses("--metrics-bind", &config->metrics_bind, error, size) < 0 ||
        check_control_socket(config, error, size) < 0 || check_owner(config, error, size) < 0 ||
        check_access_log(config, error, size) < 0)
        return -1;
    return check_privileges(config, error, size) < 0 || check_sandbox(config, error, size) < 0 ? -1 : 0;
}
