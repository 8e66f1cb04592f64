/* SPDX-License-Identifier: MIT */
#include "top_batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "control_arguments.h"
#include "standard_output.h"
#include "top_samples.h"

enum { PATIENCE_MS = 5000 };

static void pause_for(int64_t ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        continue;
}

/* 0, or -1 when nobody reads any more, or after saying why it cannot be printed. */
static int print_view(const struct top_samples *samples, struct buf *text)
{
    struct status_samples view = top_samples_view(samples);

    text->len = 0;
    if (samples->news[0] != '\0')
        printf("clutch: %s\n", samples->news);
    if (!samples->was_away) {
        if (status_view_all(&view, text) < 0) {
            fputs("clutch: not enough memory\n", stderr);
            return -1;
        }
        fwrite(text->ptr, 1, text->len, stdout);
    }
    fputs("\n", stdout);
    return standard_output_end() == EXIT_SUCCESS ? 0 : -1;
}

static int run(const struct control_arguments *arguments, struct top_samples *samples)
{
    struct buf text;
    int result = 0;

    if (!top_samples_take(samples, PATIENCE_MS)) {
        fprintf(stderr, "clutch: %s\n", samples->news);
        return EXIT_FAILURE;
    }
    buf_init(&text);
    for (int64_t i = 0; result == 0 && (arguments->count == 0 || i < arguments->count); i++) {
        pause_for(arguments->interval_ms);
        (void)top_samples_take(samples, PATIENCE_MS);
        result = print_view(samples, &text);
    }
    buf_fini(&text);
    return result == 0 && !samples->was_away ? EXIT_SUCCESS : EXIT_FAILURE;
}

int top_batch_run(const struct control_arguments *arguments)
{
    struct top_samples samples;
    int exit_status;

    top_samples_init(&samples, arguments->address);
    exit_status = run(arguments, &samples);
    top_samples_fini(&samples);
    return exit_status;
}
