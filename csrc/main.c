/* SPDX-License-Identifier: MIT
 * The start-up script, and the only place that knows which gateway serves: run a subcommand, or read the options,
 * answer those that are questions, hand over to the master. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "banner.h"
#include "commands.h"
#include "config.h"
#include "control_commands.h"
#include "gateway.h"
#include "import_command.h"
#include "launch.h"
#include "log.h"
#include "master.h"
#include "preflight.h"
#include "python_gateway.h"
#include "standard_output.h"
#include "surroundings.h"
#include "trial.h"

enum { ERROR_BYTES = 1024 };

/* The words of --log-format. */
enum { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* In the order of commands_table. */
static int (*const command_functions[])(int argc, char **argv) = {
#define COMMAND(name, function, usage, help) function,
#include "commands.def"
#undef COMMAND
    NULL,
};

/* Answers the options that are questions; false when there was none. */
static bool answer(const struct config *config, const struct gateway_ops *gateway)
{
    char banner[BANNER_BYTES];

    if (config->help)
        config_print_help_form(config->help_form, stdout);
    else if (config->version)
        printf("%s\n", banner_format(banner, gateway));
    else if (config->print_config)
        config_print_values(config, stdout);
    else
        return false;
    return true;
}

static int run(const struct config *config, const struct gateway_ops *gateway, const struct launch *launch)
{
    char error[ERROR_BYTES];

    if (answer(config, gateway))
        return standard_output_end();
    log_init((enum log_level)config->log_level);
    if (config->log_format == LOG_FORMAT_JSON)
        log_use_json();
    if (surroundings_enter(config, error, sizeof(error)) < 0) {
        log_critical("%s", error);
        return EXIT_FAILURE;
    }
    if (preflight_check_options(config, error, sizeof(error)) < 0) {
        log_critical("%s", error);
        return PREFLIGHT_EXIT_OPTION;
    }
    if (gateway->check(config) < 0)
        return PREFLIGHT_EXIT_OPTION;
    return config->check_config ? trial_run(config, gateway) : master_run(config, gateway, launch);
}

int main(int argc, char **argv)
{
    struct launch launch;
    struct config *config;
    int exit_status, command;

    surroundings_fill_standard_fds();
    command = commands_find(argc, argv);
    if (command >= 0)
        return command_functions[command](argc, argv);
    launch_take(&launch, argv);
    config = config_parse(argc, argv, environ, stderr);
    exit_status = config != NULL ? run(config, &python_gateway, &launch) : PREFLIGHT_EXIT_OPTION;
    config_free(config);
    launch_fini(&launch);
    return exit_status;
}
