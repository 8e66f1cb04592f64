/* SPDX-License-Identifier: MIT */
#include "monitor_answers.h"

#include "clock.h"
#include "exchange.h"
#include "exposition.h"
#include "routes.h"

static int make_metrics(void *context, struct exchange *exchange, struct answer *answer)
{
    struct monitor_answers *answers = context;

    (void)exchange;
    answer->content_type = EXPOSITION_CONTENT_TYPE;
    return monitor_metrics_write(&answers->metrics, answer->text);
}

static int make_health(void *context, struct exchange *exchange, struct answer *answer)
{
    struct monitor_answers *answers = context;
    enum health_probe probe = health_find(exchange->request->path);
    const char *text;

    answer->status = health_ask(&answers->health, probe, clock_now_us(), &text) ? 200 : 503;
    return buf_append(answer->text, slice_of_string(text));
}

static const struct route routes[] = {
    {"/metrics", "GET, HEAD", make_metrics},
    {"/livez", "GET, HEAD", make_health},
    {"/readyz", "GET, HEAD", make_health},
    {"/startupz", "GET, HEAD", make_health},
};

void monitor_answers_serve(struct monitor_answers *answers, struct exchange *exchange)
{
    routes_serve(routes, ARRAY_COUNT(routes), answers, &answers->text, exchange);
}

int monitor_answers_init(struct monitor_answers *answers, const struct monitor_task *task)
{
    *answers = (struct monitor_answers){
        .task = task,
        .health = {.scoreboard = task->view.scoreboard, .poke = task->poke_master, .context = task->context},
    };
    buf_init(&answers->text);
    return monitor_metrics_init(&answers->metrics, &task->view);
}

void monitor_answers_fini(struct monitor_answers *answers)
{
    monitor_metrics_fini(&answers->metrics);
    buf_fini(&answers->text);
}
