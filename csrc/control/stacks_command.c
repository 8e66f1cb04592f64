/* SPDX-License-Identifier: MIT
 * clutch stacks: where every Python thread of every worker stands. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "control_arguments.h"
#include "control_client.h"
#include "control_commands.h"
#include "control_print.h"
#include "json_read.h"
#include "stacks_view.h"

static const struct control_option options[] = {
    {"worker", "N", CONTROL_COUNT, offsetof(struct control_arguments, worker), 1, "of this worker alone"},
    {"json", NULL, CONTROL_FLAG, offsetof(struct control_arguments, json), 0, "print it as JSON, for programs"},
    {"timeout", "TIME", CONTROL_DURATION, offsetof(struct control_arguments, timeout_ms), 1,
     "longest time to wait for the answer; by default 10s"},
};

static const struct control_command command = {
    .name = "stacks",
    .summary =
        "Prints the Python stack of every thread of every worker, and what each worker runs, also while Python is\n"
        "stuck. A worker has a second to answer; one that is still starting is not asked. Exit status: 0; 1 when\n"
        "the server or a worker that was asked does not answer, or there is no worker N; 2 for a mistake on the\n"
        "command line.\n",
    .options = options,
    .option_count = ARRAY_COUNT(options),
};

static int view(const void *root, struct buf *text)
{
    return stacks_view_all(root, text);
}

/* One that still loads the application has nothing to show yet. */
static bool has_done_its_part(const struct json_node *worker)
{
    return json_member_flag(worker, "is_answered") || slice_equal(json_member_text(worker, "state"), SLICE("starting"));
}

/* Whether every worker that was asked has answered, and there was one of the number asked for, which is said. */
static bool is_complete(const struct control_arguments *arguments, const struct json_node *root)
{
    bool have_all = true;

    for (const struct json_node *worker = json_first_of(root, "workers"); worker != NULL; worker = worker->next)
        have_all &= has_done_its_part(worker);
    if (arguments->worker > 0 && json_first_of(root, "workers") == NULL) {
        fprintf(stderr, "clutch: there is no worker %lld\n", (long long)arguments->worker);
        return false;
    }
    return have_all;
}

static int show(const struct control_arguments *arguments)
{
    char target[64] = "/stacks", error[CONTROL_ERROR_BYTES];
    struct control_reply reply;
    int exit_status;

    if (arguments->worker > 0)
        snprintf(target, sizeof(target), "/stacks?worker=%lld", (long long)arguments->worker);
    if (control_ask_text(arguments->address, "GET", target, arguments->timeout_ms, &reply, error) < 0) {
        fprintf(stderr, "clutch: %s\n", error);
        return EXIT_FAILURE;
    }
    if (arguments->json && control_print(buf_slice(&reply.text)) != EXIT_SUCCESS) {
        control_reply_fini(&reply);
        return EXIT_FAILURE;
    }
    if (control_reply_read(&reply, arguments->address, error) < 0) {
        fprintf(stderr, "clutch: %s\n", error);
        return EXIT_FAILURE;
    }
    exit_status = is_complete(arguments, json_tree_root(reply.tree)) ? EXIT_SUCCESS : EXIT_FAILURE;
    if (!arguments->json && control_print_view(view, json_tree_root(reply.tree)) != EXIT_SUCCESS)
        exit_status = EXIT_FAILURE;
    control_reply_fini(&reply);
    return exit_status;
}

int stacks_command_run(int argc, char **argv)
{
    struct control_arguments arguments = {.timeout_ms = 10000};
    int exit_status;

    if (control_arguments_read(&command, argc, argv, &arguments, &exit_status))
        exit_status = show(&arguments);
    control_arguments_fini(&arguments);
    return exit_status;
}
