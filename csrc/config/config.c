/* SPDX-License-Identifier: MIT
 * Makes the config: defaults, then the files, the environment and the command line, then the checks. The master does it
 * once. */
#include "config.h"

#include <stdlib.h>

#include "check.h"
#include "cpus.h"
#include "env.h"
#include "file_options.h"
#include "ledger.h"
#include "mistakes.h"
#include "parse.h"
#include "value.h"

static struct config *new_config(void)
{
    struct config *config = calloc(1, sizeof *config);

    if (config == NULL)
        return NULL;
    config->ledger = ledger_new();
    if (config->ledger == NULL) {
        free(config);
        return NULL;
    }
    return config;
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    value_free_all(config);
    ledger_free(config->ledger);
    free(config);
}

static void resolve_workers(struct config *config)
{
    int64_t most = options_table[OPTION_workers].most;

    if (config->ledger->workers_are_auto)
        config->workers = cpus_count_granted();
    if (config->workers > most)
        config->workers = most;
}

/* Which files there are is in the environment or on the command line, whose options win over theirs: both are read
 * twice, and the first time forgotten. */
static void read_files(struct config *config, struct mistakes *mistakes, int argc, char *const *argv,
                       char *const *environment)
{
    struct config *scout = new_config();
    struct mistakes forgotten;

    if (scout == NULL || mistakes_init(&forgotten) < 0) {
        config->ledger->is_out_of_memory = true;
        config_free(scout);
        return;
    }
    env_read(scout, &forgotten, environment);
    (void)!parse_arguments(scout, &forgotten, argc, argv);
    for (size_t i = 0; i < scout->config_files.count && !scout->help && !scout->version; i++)
        file_options_read(config, mistakes, scout->ledger->options[OPTION_config_files].spelling,
                          scout->config_files.items[i], (unsigned)i, environment);
    config->ledger->is_out_of_memory |= scout->ledger->is_out_of_memory;
    mistakes_fini(&forgotten);
    config_free(scout);
}

static void fill_config(struct config *config, struct mistakes *mistakes, int argc, char *const *argv,
                        char *const *environment)
{
    bool is_understood;

    value_set_defaults(config, mistakes);
    read_files(config, mistakes, argc, argv, environment);
    env_read(config, mistakes, environment);
    is_understood = parse_arguments(config, mistakes, argc, argv);
    check_config(config, mistakes, is_understood && !config->print_config);
}

struct config *config_parse(int argc, char *const *argv, char *const *environment, FILE *errors)
{
    struct mistakes mistakes;
    struct config *config = new_config();
    bool is_good;

    if (config == NULL || mistakes_init(&mistakes) < 0) {
        fputs("clutch: not enough memory to read the options\n", errors);
        config_free(config);
        return NULL;
    }
    fill_config(config, &mistakes, argc, argv, environment);
    is_good = mistakes.count == 0;
    if (config->help || config->version)
        is_good = true; /* who asks for help shall get it */
    else
        mistakes_print(&mistakes, errors);
    if (config->ledger->is_out_of_memory)
        fputs("clutch: not enough memory to read the options\n", errors);
    if (!is_good || config->ledger->is_out_of_memory) {
        config_free(config);
        config = NULL;
    } else {
        resolve_workers(config);
    }
    mistakes_fini(&mistakes);
    return config;
}
