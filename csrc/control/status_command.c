/* SPDX-License-Identifier: MIT
 * clutch status: the state of a server, once. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "control_arguments.h"
#include "control_client.h"
#include "control_commands.h"
#include "control_print.h"
#include "json_read.h"
#include "status_view.h"

static const struct control_option options[] = {
    {"json", NULL, CONTROL_FLAG, offsetof(struct control_arguments, json), 0, "print it as JSON, for programs"},
    {"timeout", "TIME", CONTROL_DURATION, offsetof(struct control_arguments, timeout_ms), 1,
     "longest time to wait for the answer; by default 10s"},
};

static const struct control_command command = {
    .name = "status",
    .summary =
        "Prints the state of a running server: its workers, what each of them runs and for how long, the queue,\n"
        "what was refused, how long requests take. Exit status: 0; 1 when the server does not answer; 2 for a\n"
        "mistake on the command line.\n",
    .options = options,
    .option_count = ARRAY_COUNT(options),
};

static int view(const void *root, struct buf *text)
{
    const struct status_samples samples = {.now = root};

    return status_view_all(&samples, text);
}

static int show(const struct control_arguments *arguments)
{
    int (*ask)(const char *, const char *, const char *, int64_t, struct control_reply *, char *) =
        arguments->json ? control_ask_text : control_ask;
    struct control_reply reply;
    char error[CONTROL_ERROR_BYTES];
    int exit_status;

    if (ask(arguments->address, "GET", "/status", arguments->timeout_ms, &reply, error) < 0) {
        fprintf(stderr, "clutch: %s\n", error);
        return EXIT_FAILURE;
    }
    exit_status =
        arguments->json ? control_print(buf_slice(&reply.text)) : control_print_view(view, json_tree_root(reply.tree));
    control_reply_fini(&reply);
    return exit_status;
}

int status_command_run(int argc, char **argv)
{
    struct control_arguments arguments = {.timeout_ms = 10000};
    int exit_status;

    if (control_arguments_read(&command, argc, argv, &arguments, &exit_status))
        exit_status = show(&arguments);
    control_arguments_fini(&arguments);
    return exit_status;
}
