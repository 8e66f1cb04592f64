/* SPDX-License-Identifier: MIT */
#include "control_stacks.h"

#include <errno.h>
#include <time.h>

#include "clock.h"
#include "control_answers.h"
#include "control_status.h"
#include "monitor.h"
#include "scoreboard.h"
#include "stacks.h"

enum { PATIENCE_US = 1000000, LOOK_EVERY_US = 5000 };

/* Only such a worker has set up what answers the signal. */
static bool can_answer(const struct scoreboard *scoreboard, int row)
{
    int state = atomic_load(&scoreboard_row(scoreboard, row)->state);

    return state == WORKER_READY || state == WORKER_DRAINING;
}

static bool is_meant(const struct scoreboard *scoreboard, int row, int number)
{
    const struct scoreboard_row *worker = scoreboard_row(scoreboard, row);

    return atomic_load(&worker->state) != WORKER_ABSENT && (number == 0 || atomic_load(&worker->number) == number);
}

/* Whoever becomes ready from now on has not been asked, nor has the successor of one that dies. */
static void ask(struct control_answers *answers, int number)
{
    const struct scoreboard *scoreboard = answers->task->view.scoreboard;

    for (int row = 0; row < scoreboard->row_count; row++) {
        struct stacks_question *question = &answers->questions[row];

        *question = (struct stacks_question){.pid = 0};
        if (row >= scoreboard_row_end(scoreboard) || !is_meant(scoreboard, row, number) || !can_answer(scoreboard, row))
            continue;
        question->pid = atomic_load(&scoreboard_row(scoreboard, row)->pid);
        question->ticket = stacks_ask(scoreboard, row);
        answers->task->ask_stacks(answers->task->context, row);
    }
}

/* Whether the worker in this row is one that was asked. */
static bool was_asked(const struct control_answers *answers, int row)
{
    const struct scoreboard *scoreboard = answers->task->view.scoreboard;

    return answers->questions[row].pid != 0 && can_answer(scoreboard, row) &&
           atomic_load(&scoreboard_row(scoreboard, row)->pid) == answers->questions[row].pid;
}

static bool have_all_answered(const struct control_answers *answers)
{
    const struct scoreboard *scoreboard = answers->task->view.scoreboard;

    for (int row = 0; row < scoreboard->row_count; row++) {
        if (was_asked(answers, row) && !stacks_is_answered(scoreboard, row, answers->questions[row].ticket))
            return false;
    }
    return true;
}

static void wait_for_answers(const struct control_answers *answers)
{
    const struct timespec pause = {.tv_nsec = LOOK_EVERY_US * 1000};
    int64_t until_us = clock_now_us() + PATIENCE_US;

    while (!have_all_answered(answers) && clock_now_us() < until_us)
        nanosleep(&pause, NULL);
}

static void write_worker(struct control_answers *answers, int row, struct json *json)
{
    const struct monitor_view *view = &answers->task->view;
    const struct scoreboard_row *worker = scoreboard_row(view->scoreboard, row);
    bool is_asked = was_asked(answers, row);
    bool is_answered = is_asked && stacks_is_answered(view->scoreboard, row, answers->questions[row].ticket);
    int64_t now_us = clock_now_us(), taken_us = now_us;
    size_t len = is_answered ? stacks_read(view->scoreboard, row, answers->stacks, &taken_us) : 0;

    json_begin(json, NULL, '{');
    json_number(json, "number", atomic_load(&worker->number));
    json_number(json, "pid", atomic_load(&worker->pid));
    json_number(json, "generation", atomic_load(&worker->generation));
    /* One that was not asked could not have answered then. */
    json_text(json, "state",
              slice_of_string(control_status_state(is_asked ? atomic_load(&worker->state) : WORKER_STARTING)));
    json_flag(json, "is_answered", is_answered);
    control_status_write_running(view, row, now_us, json);
    if (len > 0)
        json_text(json, "stacks", slice_of(answers->stacks, len));
    else
        json_null(json, "stacks");
    json_end(json, '}');
}

int control_stacks_write(struct control_answers *answers, int number, struct buf *text)
{
    const struct scoreboard *scoreboard = answers->task->view.scoreboard;
    struct json json = {.out = text};

    ask(answers, number);
    wait_for_answers(answers);
    json_begin(&json, NULL, '{');
    json_begin(&json, "workers", '[');
    for (int row = 0, end = scoreboard_row_end(scoreboard); row < end; row++) {
        if (is_meant(scoreboard, row, number))
            write_worker(answers, row, &json);
    }
    json_end(&json, ']');
    json_end(&json, '}');
    return json.lacks_memory || buf_append(text, SLICE("\n")) < 0 ? -ENOMEM : 0;
}
