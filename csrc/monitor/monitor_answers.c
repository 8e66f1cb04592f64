/* SPDX-License-Identifier: MIT */
#include "monitor_answers.h"

#include "clock.h"
#include "exchange.h"
#include "exposition.h"
#include "h1_head.h"
#include "text.h"

enum { LENGTH_BYTES = 20 };

static const char PLAIN_TEXT[] = "text/plain; charset=utf-8";

/* A response to be. */
struct answer {
    int status;
    const char *content_type;
    struct buf *text; /* empty at first */
};

/* What is found at a path. `make` fills the answer, which is 200 and plain text otherwise; -ENOMEM: 500. */
struct route {
    const char *path;
    const char *methods; /* for Allow */
    int (*make)(struct monitor_answers *, struct exchange *, struct answer *);
};

static int make_metrics(struct monitor_answers *answers, struct exchange *exchange, struct answer *answer)
{
    (void)exchange;
    answer->content_type = EXPOSITION_CONTENT_TYPE;
    return monitor_metrics_write(&answers->metrics, answer->text);
}

static int make_health(struct monitor_answers *answers, struct exchange *exchange, struct answer *answer)
{
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

static const struct route *find_route(struct slice path)
{
    for (size_t i = 0; i < ARRAY_COUNT(routes); i++) {
        if (slice_equal(path, slice_of_string(routes[i].path)))
            return &routes[i];
    }
    return NULL;
}

static bool is_among(struct slice method, const char *methods)
{
    struct slice left = slice_of_string(methods);

    while (left.len > 0) {
        const char *comma = memchr(left.ptr, ',', left.len);
        size_t len = comma != NULL ? (size_t)(comma - left.ptr) : left.len;

        if (slice_equal(method, slice_trim(slice_of(left.ptr, len))))
            return true;
        len += comma != NULL;
        left = slice_of(left.ptr + len, left.len - len);
    }
    return false;
}

static enum head_error add_fields(struct exchange *exchange, const struct answer *answer, const char *allow)
{
    const struct slice name = SLICE("Content-Length");
    char length[LENGTH_BYTES]; /* a HEAD request's response has it as well */
    enum head_error error = exchange_add_header(exchange, SLICE("Content-Type"), slice_of_string(answer->content_type));

    if (error == HEAD_OK)
        error = exchange_add_header(exchange, name, slice_of(length, text_format_u64(length, answer->text->len)));
    if (error == HEAD_OK)
        error = exchange_add_header(exchange, SLICE("Cache-Control"), SLICE("no-store"));
    if (error == HEAD_OK && allow != NULL)
        error = exchange_add_header(exchange, SLICE("Allow"), slice_of_string(allow));
    return error;
}

static void send_answer(struct exchange *exchange, const struct answer *answer, const char *allow)
{
    struct slice block = buf_slice(answer->text);

    if (exchange_begin_head(exchange, answer->status, slice_of_string(h1_head_reason(answer->status))) != HEAD_OK ||
        add_fields(exchange, answer, allow) != HEAD_OK) {
        exchange_fail(exchange);
        return;
    }
    if (!exchange_buffer_body(exchange, &block, 1))
        (void)exchange_write(exchange, &block, 1, true);
}

void monitor_answers_serve(struct monitor_answers *answers, struct exchange *exchange)
{
    const struct route *route = find_route(exchange->request->path);
    struct answer answer = {.status = 200, .content_type = PLAIN_TEXT, .text = &answers->text};
    const char *allow = NULL;
    int result;

    answers->text.len = 0;
    if (route == NULL) {
        answer.status = 404;
        result = buf_append(&answers->text, SLICE("not found\n"));
    } else if (!is_among(exchange->request->method, route->methods)) {
        answer.status = 405;
        allow = route->methods;
        result = buf_append(&answers->text, SLICE("method not allowed\n"));
    } else {
        result = route->make(answers, exchange, &answer);
    }
    if (result < 0)
        exchange_fail(exchange);
    else
        send_answer(exchange, &answer, allow);
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
