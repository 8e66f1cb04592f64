/* SPDX-License-Identifier: MIT */
#include "control_answers.h"

#include <errno.h>
#include <stdlib.h>

#include "control_reload.h"
#include "control_stacks.h"
#include "control_status.h"
#include "exchange.h"
#include "monitor.h"
#include "routes.h"
#include "scoreboard.h"
#include "stacks.h"
#include "text.h"

static const char JSON[] = "application/json";

static int make_status(void *context, struct exchange *exchange, struct answer *answer)
{
    struct control_answers *answers = context;

    (void)exchange;
    answer->content_type = JSON;
    return control_status_write(&answers->task->view, &answers->memory, answer->text);
}

/* `worker=3` of a query; 0 when there is none, -1 when it makes no sense. */
static int worker_of(struct slice query)
{
    const struct slice name = SLICE("worker=");
    uint64_t number;

    if (query.len == 0)
        return 0;
    if (query.len <= name.len || !slice_equal(slice_of(query.ptr, name.len), name) ||
        !text_parse_u64(slice_of(query.ptr + name.len, query.len - name.len), &number) || number == 0 ||
        number > INT32_MAX)
        return -1;
    return (int)number;
}

static int make_stacks(void *context, struct exchange *exchange, struct answer *answer)
{
    struct control_answers *answers = context;
    int number = worker_of(exchange->request->query);

    if (number < 0)
        return routes_say(answer, 400, "expected /stacks or /stacks?worker=N, with a number from 1 on\n");
    answer->content_type = JSON;
    return control_stacks_write(answers, number, answer->text);
}

static int make_reload(void *context, struct exchange *exchange, struct answer *answer)
{
    struct control_answers *answers = context;

    answer->content_type = JSON;
    if (slice_equal(exchange->request->method, SLICE("POST"))) {
        answer->status = 202;
        return control_reload_ask(answers->task, answer->text);
    }
    return control_reload_write(answers->task, answer->text);
}

static const struct route routes[] = {
    {"/status", "GET, HEAD", make_status},
    {"/stacks", "GET", make_stacks},
    {"/reload", "GET, HEAD, POST", make_reload},
};

void control_answers_serve(struct control_answers *answers, struct exchange *exchange)
{
    routes_serve(routes, ARRAY_COUNT(routes), answers, &answers->text, exchange);
}

int control_answers_init(struct control_answers *answers, const struct monitor_task *task)
{
    int row_count = task->view.scoreboard->row_count;

    *answers = (struct control_answers){
        .task = task,
        .stacks = malloc(STACKS_BYTES),
        .questions = calloc((size_t)row_count, sizeof(*answers->questions)),
    };
    buf_init(&answers->text);
    if (answers->stacks != NULL && answers->questions != NULL && worker_memory_init(&answers->memory, row_count) == 0)
        return 0;
    free(answers->stacks);
    free(answers->questions);
    return -ENOMEM;
}

void control_answers_fini(struct control_answers *answers)
{
    worker_memory_fini(&answers->memory);
    buf_fini(&answers->text);
    free(answers->stacks);
    free(answers->questions);
}
