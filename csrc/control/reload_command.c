/* SPDX-License-Identifier: MIT
 * clutch reload: asks for a new generation of workers, and waits until it serves. */
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "control_arguments.h"
#include "control_client.h"
#include "control_commands.h"
#include "json_read.h"
#include "standard_output.h"
#include "visible.h"

enum { EXIT_TIMEOUT = 3, LOOK_EVERY_MS = 50, PATIENCE_MS = 5000, TEXT_BYTES = 1024, STILL = -1 };

static const struct control_option options[] = {
    {"wait", NULL, CONTROL_FLAG, offsetof(struct control_arguments, wait), 0,
     "wait until the new generation serves, or the reload has failed"},
    {"timeout", "TIME", CONTROL_DURATION, offsetof(struct control_arguments, timeout_ms), 1,
     "longest time to wait; by default 2m"},
};

static const struct control_command command = {
    .name = "reload",
    .summary =
        "Has a running server load the application anew, as the signal HUP does: when all workers of the new\n"
        "generation are ready they take over; when one of them fails the old generation serves on. Exit status:\n"
        "0 (with --wait: the new generation serves); 1 when the server does not answer, or the reload has\n"
        "failed, with the reason; 2 for a mistake on the command line; 3 when it has not ended in time.\n",
    .options = options,
    .option_count = ARRAY_COUNT(options),
};

static int complain(const char *error)
{
    fprintf(stderr, "clutch: %s\n", error);
    return EXIT_FAILURE;
}

/* Which server has been asked. */
struct life {
    int64_t pid, start_time_us;
};

static struct life life_of(const struct json_node *root)
{
    return (struct life){json_member_number(root, "pid"), json_member_number(root, "start_time_us")};
}

/* What is being waited for. */
struct watch {
    const char *address;
    struct life life;
    int64_t asked_before, mine; /* the reload's number, 0 until it is known */
    int64_t silent_since_us;    /* 0: it has answered the last time */
};

/* An upgrade, or a restart: whether what it has loaded is newer than the request, nobody knows. */
static int tell_of_another(int64_t pid)
{
    fprintf(stderr, "clutch: no reload: another master (pid: %lld) has taken over meanwhile; ask again\n",
            (long long)pid);
    return EXIT_FAILURE;
}

/* The exit status once the reload has ended; STILL before. */
static int judge(const struct json_node *root, struct watch *watch)
{
    struct life life = life_of(root);
    char text[TEXT_BYTES];

    if (life.pid != watch->life.pid || life.start_time_us != watch->life.start_time_us)
        return tell_of_another(life.pid);
    if (watch->mine == 0 && json_member_number(root, "asked") > watch->asked_before)
        watch->mine = json_member_number(root, "asked");
    if (watch->mine == 0 || json_member_number(root, "done") < watch->mine)
        return json_member_flag(root, "is_stopping") ? complain("no reload: the server is stopping") : STILL;
    visible_copy(text, sizeof(text), json_member_text(root, "text"));
    if (json_member_flag(root, "is_failed"))
        return complain(text);
    printf("%s\n", text);
    return standard_output_end();
}

static int look(struct watch *watch)
{
    struct control_reply reply;
    char error[CONTROL_ERROR_BYTES];
    int exit_status;

    if (control_ask(watch->address, "GET", "/reload", PATIENCE_MS, &reply, error) < 0) {
        /* The monitor may just have been started anew. */
        if (watch->silent_since_us == 0)
            watch->silent_since_us = clock_now_us();
        return clock_now_us() - watch->silent_since_us < PATIENCE_MS * 1000 ? STILL : complain(error);
    }
    watch->silent_since_us = 0;
    exit_status = judge(json_tree_root(reply.tree), watch);
    control_reply_fini(&reply);
    return exit_status;
}

static int wait_for_end(const struct control_arguments *arguments, struct watch *watch)
{
    int64_t until_us = clock_now_us() + arguments->timeout_ms * 1000;
    int exit_status;

    while ((exit_status = look(watch)) == STILL) {
        if (clock_now_us() >= until_us) {
            (void)complain("the reload has not ended in time (--timeout); it goes on");
            return EXIT_TIMEOUT;
        }
        poll(NULL, 0, LOOK_EVERY_MS);
    }
    return exit_status;
}

static int reload(const struct control_arguments *arguments)
{
    struct control_reply reply;
    bool is_stopping;
    char error[CONTROL_ERROR_BYTES];
    struct watch watch = {.address = arguments->address};

    if (control_ask(arguments->address, "POST", "/reload", PATIENCE_MS, &reply, error) < 0)
        return complain(error);
    watch.life = life_of(json_tree_root(reply.tree));
    watch.asked_before = json_member_number(json_tree_root(reply.tree), "asked");
    is_stopping = json_member_flag(json_tree_root(reply.tree), "is_stopping");
    control_reply_fini(&reply);
    if (is_stopping)
        return complain("no reload: the server is stopping");
    return arguments->wait ? wait_for_end(arguments, &watch) : EXIT_SUCCESS;
}

int reload_command_run(int argc, char **argv)
{
    struct control_arguments arguments = {.timeout_ms = 120000};
    int exit_status;

    if (control_arguments_read(&command, argc, argv, &arguments, &exit_status))
        exit_status = reload(&arguments);
    control_arguments_fini(&arguments);
    return exit_status;
}
