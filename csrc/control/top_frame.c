/* SPDX-License-Identifier: MIT */
#include "top_frame.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json_read.h"
#include "status_view.h"
#include "top_samples.h"
#include "top_screen.h"

enum { LEAST_WORKERS = 3, SHORT_HEAD = 3, LEAST_REST = 8, STATUS_BYTES = CONTROL_ERROR_BYTES + 128 };

/* Takes the first line off the text. */
static struct slice take_line(struct slice *text)
{
    const char *end = text->len > 0 ? memchr(text->ptr, '\n', text->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - text->ptr) : text->len;
    struct slice line = slice_of(text->ptr, len);

    len += end != NULL;
    *text = slice_of(text->len > 0 ? text->ptr + len : text->ptr, text->len - len);
    return line;
}

static int count_lines(struct slice text)
{
    int count = 0;

    for (; text.len > 0; count++)
        (void)take_line(&text);
    return count;
}

/* Draws up to `most` lines from `row` on; returns the row behind them. */
static int draw_lines(struct slice text, int row, int most)
{
    for (; text.len > 0 && most > 0; most--)
        top_screen_line(row++, take_line(&text), TOP_PLAIN);
    return row;
}

static const struct json_node *workers_of(const struct top_samples *samples)
{
    return json_first_of(top_samples_view(samples).now, "workers");
}

static int count_workers(const struct top_samples *samples)
{
    int count = 0;

    for (const struct json_node *worker = workers_of(samples); worker != NULL; worker = worker->next)
        count++;
    return count;
}

int top_frame_worker(const struct top_frame *frame, const struct top_samples *samples)
{
    const struct json_node *worker = workers_of(samples);

    for (int i = 0; i < frame->selected && worker != NULL; i++)
        worker = worker->next;
    return (int)json_member_number(worker, "number");
}

static int draw_head(struct top_frame *frame, const struct status_samples *view, int room, int *row)
{
    int lines;

    frame->view.len = 0;
    if (status_view_server(view, &frame->view) < 0)
        return -ENOMEM;
    lines = count_lines(buf_slice(&frame->view));
    if (room - lines < LEAST_REST)
        lines = SHORT_HEAD;
    *row = draw_lines(buf_slice(&frame->view), *row, lines) + 1;
    return 0;
}

/* Those around the selected one, `most` of them. */
static int draw_workers(struct top_frame *frame, const struct status_samples *view, int most, int *row)
{
    const struct json_node *worker = json_first_of(view->now, "workers");
    int first = frame->selected >= most ? frame->selected - most + 1 : 0;

    frame->view.len = 0;
    if (status_view_worker_heading(view, &frame->view) < 0)
        return -ENOMEM;
    frame->view.len--; /* the end of the line */
    top_screen_line((*row)++, buf_slice(&frame->view), TOP_BOLD);
    for (int i = 0; worker != NULL && i < first + most; i++, worker = worker->next) {
        if (i < first)
            continue;
        frame->view.len = 0;
        if (status_view_worker(view, worker, &frame->view) < 0)
            return -ENOMEM;
        frame->view.len--;
        top_screen_line((*row)++, buf_slice(&frame->view), i == frame->selected ? TOP_REVERSE : TOP_PLAIN);
    }
    ++*row;
    return 0;
}

static int draw_running(struct top_frame *frame, const struct status_samples *view, int most, int row)
{
    struct slice text;

    if (most < 2)
        return 0;
    frame->view.len = 0;
    if (status_view_running(view, (size_t)most - 2, &frame->view) < 0)
        return -ENOMEM;
    text = buf_slice(&frame->view);
    top_screen_line(row, take_line(&text), TOP_BOLD);
    draw_lines(text, row + 1, most - 1);
    return 0;
}

static int draw_server(struct top_frame *frame, const struct top_samples *samples, int height)
{
    struct status_samples view = top_samples_view(samples);
    int row = 0, count = count_workers(samples), most;

    if (view.now == NULL)
        return 0;
    if (draw_head(frame, &view, height - 1, &row) < 0)
        return -ENOMEM;
    most = (height - 1 - row) / 2 - 1;
    if (most < LEAST_WORKERS)
        most = LEAST_WORKERS;
    if (draw_workers(frame, &view, most < count ? most : count, &row) < 0)
        return -ENOMEM;
    return draw_running(frame, &view, height - 1 - row, row);
}

static void draw_text(struct top_frame *frame, int height)
{
    struct slice text = buf_slice(&frame->text);
    int last = count_lines(text) - (height - 1);

    if (frame->scrolled > last)
        frame->scrolled = last;
    if (frame->scrolled < 0)
        frame->scrolled = 0;
    for (int i = 0; i < frame->scrolled; i++)
        (void)take_line(&text);
    draw_lines(text, 0, height - 1);
}

static void draw_last_line(const struct top_frame *frame, const struct top_samples *samples, int height)
{
    char line[STATUS_BYTES];

    snprintf(line, sizeof(line), "%s%s%s%s",
             frame->has_text ? "q back, up and down scroll"
                             : "q quit, p pause, up and down select a worker, s its stacks",
             frame->is_paused ? " - paused" : "", samples->news[0] != '\0' ? " - " : "", samples->news);
    top_screen_line(height - 1, slice_of_string(samples->was_away ? samples->news : line), TOP_REVERSE);
}

static void keep_selected(struct top_frame *frame, const struct top_samples *samples)
{
    int count = count_workers(samples);

    if (frame->selected >= count)
        frame->selected = count - 1;
    if (frame->selected < 0)
        frame->selected = 0;
}

void top_frame_move(struct top_frame *frame, const struct top_samples *samples, int lines)
{
    if (frame->has_text) {
        frame->scrolled += lines;
    } else {
        frame->selected += lines;
        keep_selected(frame, samples);
    }
}

int top_frame_draw(struct top_frame *frame, const struct top_samples *samples)
{
    int height = top_screen_height(), result = 0;

    keep_selected(frame, samples);
    top_screen_begin();
    if (frame->has_text)
        draw_text(frame, height);
    else
        result = draw_server(frame, samples, height);
    draw_last_line(frame, samples, height);
    top_screen_end();
    return result;
}
