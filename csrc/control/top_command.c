/* SPDX-License-Identifier: MIT
 * clutch top: the state of a server, again and again. */
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "control_arguments.h"
#include "control_commands.h"
#include "json_read.h"
#include "stacks_view.h"
#include "top_batch.h"
#include "top_frame.h"
#include "top_samples.h"
#include "top_screen.h"

enum { PATIENCE_MS = 3000, PAGE_LINES = 10 };

static const struct control_option options[] = {
    {"interval", "TIME", CONTROL_DURATION, offsetof(struct control_arguments, interval_ms), 10,
     "time between two looks; by default 1s"},
    {"batch", NULL, CONTROL_FLAG, offsetof(struct control_arguments, batch), 0,
     "print one view after the other, for files and pipes"},
    {"count", "N", CONTROL_COUNT, offsetof(struct control_arguments, count), 1,
     "end after so many views; with --batch"},
};

static const struct control_command command = {
    .name = "top",
    .summary =
        "Shows what a running server does, second by second: rates and percentiles are those of the last interval,\n"
        "and the requests that have run longest come first. Keys: q quit, p pause, up and down select a worker,\n"
        "s its Python stacks. Exit status: 0; 1 when the server does not answer at the beginning (or, with\n"
        "--batch, at the end), or the terminal is no good; 2 for a mistake on the command line.\n",
    .options = options,
    .option_count = ARRAY_COUNT(options),
};

/* --- Signals: the terminal is to be left in order --- */

static volatile sig_atomic_t ended_by;

static void on_end(int number)
{
    ended_by = number;
}

/* Blocked but while we wait, as is that of another size of the terminal, which curses takes: none comes between a look
 * and the wait. *waiting: the mask for that. */
static void take_signals(sigset_t *waiting)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = on_end};
    sigset_t blocked;

    sigemptyset(&blocked);
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        sigaction(numbers[i], &action, NULL);
        sigaddset(&blocked, numbers[i]);
    }
    sigaddset(&blocked, SIGWINCH);
    sigprocmask(SIG_BLOCK, &blocked, waiting);
    sigdelset(waiting, SIGWINCH);
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++)
        sigdelset(waiting, numbers[i]);
}

/* Ctrl-C is the usual way out; whoever sent another signal is to see that it was obeyed. */
static int end_by_signal(int number, const sigset_t *waiting)
{
    if (number == SIGINT)
        return EXIT_SUCCESS;
    signal(number, SIG_DFL);
    raise(number);
    sigprocmask(SIG_SETMASK, waiting, NULL);
    return EXIT_FAILURE;
}

/* --- The screen --- */

struct top {
    const struct control_arguments *arguments;
    struct top_samples samples;
    struct top_frame frame;
    int64_t next_us; /* when to look again */
    bool is_over;
};

static void show_stacks(struct top *top)
{
    struct control_reply reply;
    char target[64];
    int number = top_frame_worker(&top->frame, &top->samples);

    if (number <= 0)
        return;
    snprintf(target, sizeof(target), "/stacks?worker=%d", number);
    if (control_ask(top->arguments->address, "GET", target, PATIENCE_MS, &reply, top->samples.news) < 0)
        return;
    top->frame.text.len = 0;
    top->frame.scrolled = 0;
    top->frame.has_text = stacks_view_all(json_tree_root(reply.tree), &top->frame.text) == 0;
    control_reply_fini(&reply);
}

static void obey(struct top *top, enum top_key key)
{
    struct top_frame *frame = &top->frame;

    switch (key) {
    case TOP_KEY_UP:
        top_frame_move(frame, &top->samples, -1);
        break;
    case TOP_KEY_DOWN:
        top_frame_move(frame, &top->samples, 1);
        break;
    case TOP_KEY_PAGE_UP:
        top_frame_move(frame, &top->samples, -PAGE_LINES);
        break;
    case TOP_KEY_PAGE_DOWN:
        top_frame_move(frame, &top->samples, PAGE_LINES);
        break;
    case TOP_KEY_QUIT:
        top->is_over = !frame->has_text;
        frame->has_text = false;
        break;
    case TOP_KEY_PAUSE:
        frame->is_paused = !frame->is_paused;
        top->next_us = clock_now_us();
        break;
    case TOP_KEY_STACKS:
        show_stacks(top);
        break;
    case TOP_KEY_NONE:
    case TOP_KEY_OTHER:
        break;
    }
}

/* Until there is a key, a signal, another size of the terminal, or it is time to look again. */
static void wait_for_events(struct top *top, const sigset_t *waiting)
{
    struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
    int64_t left_us = top->next_us - clock_now_us();
    struct timespec left = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
    enum top_key key;

    if (left_us < 0)
        left = (struct timespec){.tv_sec = 0};
    /* A terminal that has gone is readable as well, for ever. */
    if (ppoll(&keys, 1, top->frame.is_paused ? NULL : &left, waiting) > 0 && (keys.revents & ~POLLIN) != 0)
        top->is_over = true;
    while ((key = top_screen_key()) != TOP_KEY_NONE)
        obey(top, key);
}

static int run(struct top *top, const sigset_t *waiting)
{
    while (!top->is_over && ended_by == 0) {
        if (!top->frame.is_paused && clock_now_us() >= top->next_us) {
            (void)top_samples_take(&top->samples, PATIENCE_MS);
            top->next_us = clock_now_us() + top->arguments->interval_ms * 1000;
        }
        if (top_frame_draw(&top->frame, &top->samples) < 0)
            return EXIT_FAILURE;
        wait_for_events(top, waiting);
    }
    return EXIT_SUCCESS;
}

static int show(const struct control_arguments *arguments)
{
    struct top top = {.arguments = arguments};
    const char *mistake = NULL;
    int exit_status = EXIT_FAILURE;
    sigset_t waiting;

    take_signals(&waiting);
    top_samples_init(&top.samples, arguments->address);
    buf_init(&top.frame.text);
    buf_init(&top.frame.view);
    if (!top_samples_take(&top.samples, PATIENCE_MS)) {
        mistake = top.samples.news;
    } else if ((mistake = top_screen_open()) == NULL) {
        exit_status = run(&top, &waiting);
        top_screen_close();
    }
    if (mistake != NULL)
        fprintf(stderr, "clutch: %s\n", mistake);
    buf_fini(&top.frame.text);
    buf_fini(&top.frame.view);
    top_samples_fini(&top.samples);
    return ended_by != 0 ? end_by_signal(ended_by, &waiting) : exit_status;
}

int top_command_run(int argc, char **argv)
{
    struct control_arguments arguments = {.interval_ms = 1000};
    int exit_status;

    if (control_arguments_read(&command, argc, argv, &arguments, &exit_status))
        exit_status = arguments.batch ? top_batch_run(&arguments) : show(&arguments);
    control_arguments_fini(&arguments);
    return exit_status;
}
