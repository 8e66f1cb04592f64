/* SPDX-License-Identifier: MIT */
#include "top_samples.h"

#include <stdio.h>

#include "json_read.h"

void top_samples_init(struct top_samples *samples, const char *address)
{
    *samples = (struct top_samples){.address = address, .now = CONTROL_REPLY_NONE, .before = CONTROL_REPLY_NONE};
}

void top_samples_fini(struct top_samples *samples)
{
    control_reply_fini(&samples->now);
    control_reply_fini(&samples->before);
}

struct status_samples top_samples_view(const struct top_samples *samples)
{
    struct status_samples view = {.now = json_tree_root(samples->now.tree)};
    const struct json_node *before = json_tree_root(samples->before.tree);

    if (view.now != NULL && before != NULL && status_view_are_of_one(view.now, before))
        view.before = before;
    return view;
}

static void note_return(struct top_samples *samples)
{
    struct status_samples view = top_samples_view(samples);
    bool is_another = samples->before.tree != NULL && view.before == NULL;

    samples->news[0] = '\0';
    if (is_another)
        snprintf(samples->news, sizeof(samples->news), "the server has been started anew");
    else if (samples->was_away)
        snprintf(samples->news, sizeof(samples->news), "the server answers again");
    samples->was_away = false;
}

bool top_samples_take(struct top_samples *samples, int64_t timeout_ms)
{
    struct control_reply reply;

    if (control_ask(samples->address, "GET", "/status", timeout_ms, &reply, samples->news) < 0) {
        samples->was_away = true;
        return false;
    }
    control_reply_fini(&samples->before);
    samples->before = samples->now;
    samples->now = reply;
    note_return(samples);
    return true;
}
