/* SPDX-License-Identifier: MIT */
#include "stacks_view.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "json_read.h"
#include "status_text.h"
#include "visible.h"

enum { LINE_BYTES = 1024 };

static int view_running(const struct json_node *request, struct buf *out)
{
    char age[STATUS_TEXT_BYTES], method[LINE_BYTES], target[LINE_BYTES], client[LINE_BYTES], phase[LINE_BYTES];

    visible_copy(method, sizeof(method), json_member_text(request, "method"));
    visible_copy(target, sizeof(target), json_member_text(request, "target"));
    visible_copy(client, sizeof(client), json_member_text(request, "client"));
    visible_copy(phase, sizeof(phase), json_member_text(request, "phase"));
    return buf_append_format(out, "  app thread %lld: %s %s for %s, %s%s%s\n",
                             (long long)json_member_number(request, "thread"), method, target,
                             status_text_time(age, json_member_number(request, "age_us")), phase,
                             client[0] != '\0' ? ", client " : "", client);
}

/* Every line stands by itself and is escaped. */
static int view_lines(struct slice text, struct buf *out)
{
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.ptr) : text.len;
        char line[LINE_BYTES];

        visible_copy(line, sizeof(line), slice_of(text.ptr, len));
        if (buf_append_format(out, "%s%s\n", line[0] != '\0' ? "  " : "", line) < 0)
            return -ENOMEM;
        len += end != NULL;
        text = slice_of(text.ptr + len, text.len - len);
    }
    return 0;
}

static int view_why_none(const struct json_node *worker, struct buf *out)
{
    if (slice_equal(json_member_text(worker, "state"), SLICE("starting")))
        return buf_append(out, SLICE("  is still starting\n"));
    if (!json_member_flag(worker, "is_answered"))
        return buf_append_format(out, "  worker %lld did not answer\n",
                                 (long long)json_member_number(worker, "number"));
    return buf_append(out, SLICE("  the stacks cannot be had: its main thread takes no signals\n"));
}

static int view_worker(const struct json_node *worker, struct buf *out)
{
    struct slice stacks = json_member_text(worker, "stacks");
    bool is_idle = true;

    if (buf_append_format(out, "worker %lld (pid: %lld)\n", (long long)json_member_number(worker, "number"),
                          (long long)json_member_number(worker, "pid")) < 0)
        return -ENOMEM;
    for (const struct json_node *request = json_first_of(worker, "running"); request != NULL; request = request->next) {
        is_idle = false;
        if (view_running(request, out) < 0)
            return -ENOMEM;
    }
    if (is_idle && buf_append(out, SLICE("  runs no request\n")) < 0)
        return -ENOMEM;
    return stacks.len > 0 ? view_lines(stacks, out) : view_why_none(worker, out);
}

int stacks_view_all(const struct json_node *root, struct buf *out)
{
    for (const struct json_node *worker = json_first_of(root, "workers"); worker != NULL; worker = worker->next) {
        if (view_worker(worker, out) < 0 || (worker->next != NULL && buf_append(out, SLICE("\n")) < 0))
            return -ENOMEM;
    }
    return 0;
}
