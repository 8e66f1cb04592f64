/* SPDX-License-Identifier: MIT */
#include "status_view.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "json_read.h"
#include "quantile.h"
#include "status_text.h"
#include "visible.h"

enum { MOST_BUCKETS = 64, MOST_TEXT = 1024 };

/* Escaped, for printf. */
struct shown {
    char text[MOST_TEXT];
};

static struct shown show(struct slice bytes)
{
    struct shown shown;

    visible_copy(shown.text, sizeof(shown.text), bytes);
    return shown;
}

static struct shown show_member(const struct json_node *node, const char *name)
{
    return show(json_member_text(node, name));
}

/* By how much a number has grown. */
static int64_t growth(const struct json_node *now, const struct json_node *before, const char *name)
{
    int64_t grown = json_member_number(now, name) - json_member_number(before, name);

    return grown > 0 ? grown : 0;
}

static int64_t time_between(const struct status_samples *samples)
{
    return growth(samples->now, samples->before, "now_us");
}

bool status_view_are_of_one(const struct json_node *now, const struct json_node *before)
{
    const struct json_node *a = json_member(now, "server"), *b = json_member(before, "server");

    return a != NULL && b != NULL && json_member_number(a, "pid") == json_member_number(b, "pid") &&
           json_member_number(a, "start_time_us") == json_member_number(b, "start_time_us");
}

/* --- The server --- */

static int view_first_lines(const struct json_node *now, struct buf *out)
{
    const struct json_node *server = json_member(now, "server");
    char uptime[STATUS_TEXT_BYTES];
    int result = buf_append_format(out, "clutch %s (CPython %s), pid %lld, up %s, generation %lld%s\n",
                                   show_member(server, "version").text, show_member(server, "python").text,
                                   (long long)json_member_number(server, "pid"),
                                   status_text_time(uptime, json_member_number(server, "uptime_us")),
                                   (long long)json_member_number(server, "generation"),
                                   json_member_flag(server, "is_stopping")   ? ", stopping"
                                   : json_member_flag(server, "has_started") ? ""
                                                                             : ", starting");

    for (const struct json_node *listener = json_first_of(server, "listeners"); listener != NULL && result == 0;
         listener = listener->next) {
        result = buf_append_format(out, "listening at %s", show_member(listener, "address").text);
        if (result == 0 && json_member_number(listener, "backlog") > 0)
            result = buf_append_format(out, ", %lld connections wait in the kernel",
                                       (long long)json_member_number(listener, "backlog"));
        if (result == 0)
            result = buf_append(out, SLICE("\n"));
    }
    return result;
}

/* "3 a, 1 b" of an object with numbers, those that are not 0; "none". */
static int view_numbers(const struct json_node *object, struct buf *out)
{
    bool is_first = true;
    int result = 0;

    for (const struct json_node *member = object != NULL ? object->first : NULL; member != NULL && result == 0;
         member = member->next) {
        if (member->number == 0)
            continue;
        result = buf_append_format(out, "%s%lld %s", is_first ? "" : ", ", (long long)member->number,
                                   show(member->name).text);
        is_first = false;
    }
    if (result == 0)
        result = buf_append(out, is_first ? SLICE("none\n") : SLICE("\n"));
    return result;
}

static int view_row(const struct json_node *now, const char *name, const char *member, struct buf *out)
{
    int result = buf_append_format(out, "%-11s ", name);

    return result < 0 ? result : view_numbers(json_member(now, member), out);
}

static int view_requests(const struct status_samples *samples, struct buf *out)
{
    const struct json_node *requests = json_member(samples->now, "requests");
    char finished[STATUS_TEXT_BYTES], rate[STATUS_TEXT_BYTES];
    int result = buf_append_format(out, "%-11s %s finished, %lld running, %lld queued", "requests",
                                   status_text_count(finished, json_member_number(requests, "finished")),
                                   (long long)json_member_number(requests, "running"),
                                   (long long)json_member_number(requests, "queued"));

    if (result == 0 && samples->before != NULL)
        result = buf_append_format(
            out, ", %s/s",
            status_text_rate(rate, growth(requests, json_member(samples->before, "requests"), "finished"),
                             time_between(samples)));
    return result < 0 ? result : buf_append(out, SLICE("\n"));
}

/* --- Times --- */

/* How often each bucket has been hit between the samples. Returns how many buckets there are. */
static size_t read_counts(const struct status_samples *samples, const char *name, uint64_t counts[MOST_BUCKETS])
{
    const struct json_node *now = json_first_of(json_member(json_member(samples->now, "times"), name), "counts");
    const struct json_node *before = json_first_of(json_member(json_member(samples->before, "times"), name), "counts");
    size_t count = 0;

    for (; now != NULL && count < MOST_BUCKETS; now = now->next) {
        int64_t grown = now->number - (before != NULL ? before->number : 0);

        counts[count++] = grown > 0 ? (uint64_t)grown : 0;
        before = before != NULL ? before->next : NULL;
    }
    return count;
}

static size_t read_bounds(const struct json_node *now, int64_t bounds_us[MOST_BUCKETS])
{
    size_t count = 0;

    for (const struct json_node *bound = json_first_of(now, "bounds_us"); bound != NULL && count < MOST_BUCKETS;
         bound = bound->next)
        bounds_us[count++] = bound->number;
    return count;
}

/* Within the first bucket nothing is known but that. */
static const char *text_quantile(char *text, const int64_t *bounds_us, const uint64_t *counts, size_t count,
                                 unsigned permille)
{
    int64_t value_us = quantile_us(bounds_us, counts, count, permille);
    char least[STATUS_TEXT_BYTES];

    if (value_us < 0 || value_us > bounds_us[0])
        return status_text_time(text, value_us);
    snprintf(text, STATUS_TEXT_BYTES, "<%.20s", status_text_time(least, bounds_us[0]));
    return text;
}

static int view_one_time(const struct status_samples *samples, const struct json_node *time, const char *name,
                         struct buf *out)
{
    char mean[STATUS_TEXT_BYTES], p50[STATUS_TEXT_BYTES], p90[STATUS_TEXT_BYTES], p99[STATUS_TEXT_BYTES];
    int64_t bounds_us[MOST_BUCKETS], total = 0;
    uint64_t counts[MOST_BUCKETS];
    size_t bounds = read_bounds(samples->now, bounds_us), count = read_counts(samples, name, counts);
    int64_t sum_us = growth(time, json_member(json_member(samples->before, "times"), name), "sum_us");

    if (count != bounds + 1 || bounds == 0)
        return 0;
    for (size_t i = 0; i < count; i++)
        total += (int64_t)counts[i];
    return buf_append_format(
        out, "%-11s %9s %9s %9s %9s\n", show(time->name).text, status_text_time(mean, total > 0 ? sum_us / total : -1),
        text_quantile(p50, bounds_us, counts, count, 500), text_quantile(p90, bounds_us, counts, count, 900),
        text_quantile(p99, bounds_us, counts, count, 990));
}

static int view_times(const struct status_samples *samples, struct buf *out)
{
    int result = buf_append_format(out, "%-11s %9s %9s %9s %9s\n", "TIME", "MEAN", "P50", "P90", "P99");

    for (const struct json_node *time = json_first_of(samples->now, "times"); time != NULL && result == 0;
         time = time->next) {
        char name[32];

        snprintf(name, sizeof(name), "%.*s", (int)(time->name.len < 31 ? time->name.len : 31), time->name.ptr);
        result = view_one_time(samples, time, name, out);
    }
    return result;
}

int status_view_server(const struct status_samples *samples, struct buf *out)
{
    const struct json_node *now = samples->now;

    if (view_first_lines(now, out) < 0 || view_requests(samples, out) < 0 ||
        view_row(json_member(now, "requests"), "responses", "by_class", out) < 0 ||
        view_row(now, "refused", "refusals", out) < 0 || view_row(now, "connections", "connections", out) < 0 ||
        view_row(now, "worker ends", "worker_ends", out) < 0)
        return -ENOMEM;
    return view_times(samples, out);
}

/* --- Workers --- */

static const struct json_node *find_before(const struct status_samples *samples, const struct json_node *worker)
{
    for (const struct json_node *before = json_first_of(samples->before, "workers"); before != NULL;
         before = before->next) {
        if (json_member_number(before, "row") == json_member_number(worker, "row") &&
            json_member_number(before, "pid") == json_member_number(worker, "pid"))
            return before;
    }
    return NULL;
}

int status_view_worker_heading(const struct status_samples *samples, struct buf *out)
{
    return buf_append_format(out, "WORKER     PID STATE    GEN     UP  BUSY LOAD REQUESTS %s   GIL   RSS   PSS\n",
                             samples->before != NULL ? " REQ/S " : "");
}

static const char *text_memory(char *text, const struct json_node *worker, const char *name)
{
    if (!json_has_number(worker, name))
        return "-";
    return status_text_bytes(text, json_member_number(worker, name));
}

int status_view_worker(const struct status_samples *samples, const struct json_node *worker, struct buf *out)
{
    const struct json_node *before = find_before(samples, worker);
    char age[STATUS_TEXT_BYTES], requests[STATUS_TEXT_BYTES], rate[STATUS_TEXT_BYTES] = "-", gil[STATUS_TEXT_BYTES],
                                                              rss[STATUS_TEXT_BYTES], pss[STATUS_TEXT_BYTES], busy[48],
                                                              rates[48] = "";
    int64_t new_requests = growth(worker, before, "requests");
    int64_t threads = json_member_number(worker, "threads_busy") + json_member_number(worker, "threads_idle");

    if (before != NULL)
        status_text_rate(rate, new_requests, time_between(samples));
    if (samples->before != NULL)
        snprintf(rates, sizeof(rates), "%6s ", rate);
    status_text_time(gil, new_requests > 0 ? growth(worker, before, "gil_wait_us") / new_requests : -1);
    snprintf(busy, sizeof(busy), "%lld/%lld", (long long)json_member_number(worker, "threads_busy"),
             (long long)threads);
    return buf_append_format(out, "%6lld %7lld %-8s %3lld %6s %5s %3lld%% %8s %s%6s %5s %5s\n",
                             (long long)json_member_number(worker, "number"),
                             (long long)json_member_number(worker, "pid"), show_member(worker, "state").text,
                             (long long)json_member_number(worker, "generation"),
                             status_text_time(age, json_member_number(worker, "age_us")), busy,
                             (long long)json_member_number(worker, "load_permille") / 10,
                             status_text_count(requests, json_member_number(worker, "requests")), rates, gil,
                             text_memory(rss, worker, "rss_bytes"), text_memory(pss, worker, "pss_bytes"));
}

/* --- What runs --- */

struct running {
    const struct json_node *worker, *request;
};

static int compare_ages(const void *a, const void *b)
{
    int64_t age_a = json_member_number(((const struct running *)a)->request, "age_us");
    int64_t age_b = json_member_number(((const struct running *)b)->request, "age_us");

    return age_a < age_b ? 1 : age_a > age_b ? -1 : 0;
}

/* Fills `all`, which may be NULL, and returns how many there are. */
static size_t gather(const struct json_node *now, struct running *all)
{
    size_t count = 0;

    for (const struct json_node *worker = json_first_of(now, "workers"); worker != NULL; worker = worker->next) {
        for (const struct json_node *request = json_first_of(worker, "running"); request != NULL;
             request = request->next) {
            if (all != NULL)
                all[count] = (struct running){worker, request};
            count++;
        }
    }
    return count;
}

static int view_running(const struct running *running, struct buf *out)
{
    const struct json_node *request = running->request;
    char age[STATUS_TEXT_BYTES];

    return buf_append_format(
        out, "%7s %-5s %6lld %6lld %-21s %s %s\n", status_text_time(age, json_member_number(request, "age_us")),
        show_member(request, "phase").text, (long long)json_member_number(running->worker, "number"),
        (long long)json_member_number(request, "thread"), show_member(request, "client").text,
        show_member(request, "method").text, show_member(request, "target").text);
}

int status_view_running(const struct status_samples *samples, size_t most, struct buf *out)
{
    size_t count = gather(samples->now, NULL);
    struct running *all;
    int result;

    if (count == 0)
        return buf_append(out, SLICE("no request is running\n"));
    all = calloc(count, sizeof(*all));
    if (all == NULL)
        return -ENOMEM;
    gather(samples->now, all);
    qsort(all, count, sizeof(*all), compare_ages);
    result = buf_append(out, SLICE("    AGE PHASE WORKER THREAD CLIENT                REQUEST\n"));
    for (size_t i = 0; i < count && i < most && result == 0; i++)
        result = view_running(&all[i], out);
    if (result == 0 && count > most)
        result = buf_append_format(out, "... and %zu more\n", count - most);
    free(all);
    return result;
}

int status_view_all(const struct status_samples *samples, struct buf *out)
{
    if (status_view_server(samples, out) < 0 || buf_append(out, SLICE("\n")) < 0 ||
        status_view_worker_heading(samples, out) < 0)
        return -ENOMEM;
    for (const struct json_node *worker = json_first_of(samples->now, "workers"); worker != NULL;
         worker = worker->next) {
        if (status_view_worker(samples, worker, out) < 0)
            return -ENOMEM;
    }
    return buf_append(out, SLICE("\n")) < 0 ? -ENOMEM : status_view_running(samples, SIZE_MAX, out);
}
