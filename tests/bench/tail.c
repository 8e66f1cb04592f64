/* SPDX-License-Identifier: MIT */
/*
 * The tail client of the benchmark: what do fast requests feel while slow ones run beside them? And, with --close: how
 * many requests a second, each on a connection of its own?
 *
 *     tail --port PORT [--fast N] [--rate R] [--path PATH] [--slow M] [--slow-path PATH] [--seconds S] [--lead S]
 *     tail --port PORT --close [--fast N] [--path PATH] [--seconds S] [--lead S]
 *
 * N connections send fast requests, M send slow ones back to back. With --rate, the fast requests follow a schedule of
 * R a second, spread evenly over their connections, and a latency counts from the moment the schedule asks for. What a
 * connection should have sent while it waited for an answer is not sent any more, but counts: from its moment to that
 * answer. So a stall weighs as much as with clients that do not wait for each other, and does not grow with the length
 * of the test. Without --rate, each connection sends the next request at once.
 *
 * The fast connections are made first, while all workers are free and share them; the slow ones after half of the
 * --lead seconds. Requests due within the lead do not count; those without an answer at the end count with the age they
 * have reached.
 *
 * With a schedule it runs at real-time priority where it may, so that it measures the server and not its own turn on
 * the CPU. Prints one JSON object.
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>

#include "tail_conn.h"

enum { BATCH = 256, MOST_ERRORS = 1000, LATE_US = 2000, PRIORITY = 10, REQUEST_MAX_BYTES = 1024 };

struct samples {
    uint32_t *latency_us; /* owned */
    size_t count, room;
};

static struct {
    int port;
    size_t fast, slow;
    double rate, seconds, lead;
    const char *path, *slow_path;
    bool closes;
} options = {.fast = 40, .seconds = 2, .lead = 0.5, .path = "/", .slow_path = "/sleep?0.2"};

static struct conn *conns; /* the fast ones, then the slow ones */
static struct samples fast, slow;
static int epoll_fd, timer_fd;
static int64_t start_us, slow_from_us, count_from_us, end_us;
static bool slow_runs;
static uint64_t next_due; /* number of the next request of the whole schedule */
static unsigned long errors, lost;

static void give_up(const char *why)
{
    fprintf(stderr, "tail: %s\n", why);
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void add_sample(struct samples *samples, int64_t latency_us)
{
    if (samples->count == samples->room) {
        samples->room = samples->room == 0 ? 65536 : 2 * samples->room;
        samples->latency_us = realloc(samples->latency_us, samples->room * sizeof *samples->latency_us);
        if (samples->latency_us == NULL)
            give_up("no memory for the latencies");
    }
    samples->latency_us[samples->count++] = latency_us < 0 ? 0 : (uint32_t)latency_us;
}

static void record(const struct conn *conn, int64_t due_us, int64_t at_us)
{
    if (due_us >= count_from_us)
        add_sample(conn->is_slow ? &slow : &fast, at_us - due_us);
}

static int64_t due_us(uint64_t number)
{
    return start_us + (int64_t)((double)number * 1e6 / options.rate);
}

static void note_failure(void)
{
    errors++;
    if (errors > MOST_ERRORS) {
        fprintf(stderr, "tail: more than %d failures, the last: %s\n", MOST_ERRORS, conn_error());
        exit(1);
    }
}

/* Starts the connection's next request; one that cannot even be sent is counted and given up. */
static void start_request(struct conn *conn, int64_t due)
{
    conn->due_us = due;
    conn->is_waiting = true;
    if (conn_send(conn) == CONN_FAILED) {
        note_failure();
        conn->is_waiting = false;
    }
}

static bool follows_schedule(const struct conn *conn)
{
    return options.rate > 0 && !conn->is_slow;
}

/* Sends the next request of a connection that is free, if one is due. */
static void go_on(struct conn *conn, int64_t now)
{
    int64_t due = follows_schedule(conn) ? due_us(conn->next) : now;

    if (due > now)
        return;
    if (follows_schedule(conn))
        conn->next += options.fast;
    start_request(conn, due);
}

/* Ends the request under way, and with it those that were due since. */
static void settle(struct conn *conn, int64_t now)
{
    record(conn, conn->due_us, now);
    for (; follows_schedule(conn) && due_us(conn->next) <= now; conn->next += options.fast)
        record(conn, due_us(conn->next), now);
    conn->is_waiting = false;
}

static void on_socket(struct conn *conn)
{
    enum conn_progress progress = conn_receive(conn);
    int64_t now;

    if (progress == CONN_WAITS)
        return;
    if (!conn->is_waiting) {
        lost++; /* an idle connection that the server has closed; the next request makes a new one */
        return;
    }
    if (progress == CONN_LOST) {
        lost++;
        start_request(conn, conn->due_us);
        return;
    }
    if (progress == CONN_FAILED)
        note_failure();
    now = now_us();
    settle(conn, now);
    go_on(conn, now);
}

/* Sends what the schedule asks for by now, on connections that are free, and sets the timer for the next. */
static void on_timer(void)
{
    int64_t now = now_us(), next_us;
    struct itimerspec when = {0};

    for (; due_us(next_due) <= now; next_due++) {
        struct conn *conn = &conns[next_due % options.fast];
        if (!conn->is_waiting)
            go_on(conn, now);
    }
    next_us = due_us(next_due);
    when.it_value.tv_sec = next_us / 1000000;
    when.it_value.tv_nsec = next_us % 1000000 * 1000;
    if (timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
        give_up("timerfd_settime failed");
}

static void add_timer(void)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};

    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timer_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &event) < 0)
        give_up("no timer");
    on_timer();
}

static void prepare(const char *fast_request, const char *slow_request)
{
    conns = calloc(options.fast + options.slow, sizeof *conns);
    if (conns == NULL)
        give_up("no memory for the connections");
    for (size_t i = 0; i < options.fast + options.slow; i++) {
        struct conn *conn = &conns[i];
        conn->fd = -1;
        conn->epoll_fd = epoll_fd;
        conn->port = options.port;
        conn->wants_close = options.closes;
        conn->is_slow = i >= options.fast;
        conn->request = conn->is_slow ? slow_request : fast_request;
        conn->request_len = strlen(conn->request);
        conn->next = i;
    }
    start_us = now_us();
    slow_from_us = start_us + (options.fast > 0 ? (int64_t)(options.lead * 1e6 / 2) : 0);
    count_from_us = start_us + (int64_t)(options.lead * 1e6);
    end_us = count_from_us + (int64_t)(options.seconds * 1e6);
}

static void start_fast(void)
{
    if (options.rate > 0 && options.fast > 0) {
        add_timer();
        return;
    }
    for (size_t i = 0; i < options.fast; i++)
        start_request(&conns[i], start_us);
}

static void start_slow(int64_t now)
{
    slow_runs = true;
    for (size_t i = options.fast; i < options.fast + options.slow; i++)
        start_request(&conns[i], now);
}

static void run(void)
{
    struct epoll_event events[BATCH];
    int64_t now;

    start_fast();
    while ((now = now_us()) < end_us) {
        int count;

        if (!slow_runs && now >= slow_from_us)
            start_slow(now);
        count = epoll_wait(epoll_fd, events, BATCH, (int)(((slow_runs ? end_us : slow_from_us) - now) / 1000) + 1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL)
                on_timer();
            else
                on_socket(events[i].data.ptr);
        }
    }
}

/* What is under way counts with its age. Returns how many requests these are. */
static size_t settle_unanswered(void)
{
    size_t count = 0;

    for (size_t i = 0; i < options.fast + options.slow; i++) {
        if (conns[i].is_waiting) {
            settle(&conns[i], end_us);
            count++;
        }
    }
    return count;
}

static int compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

    return (a > b) - (a < b);
}

static uint32_t at_share(const struct samples *samples, double share)
{
    size_t index = (size_t)((double)samples->count * share);

    return samples->count == 0 ? 0 : samples->latency_us[index < samples->count ? index : samples->count - 1];
}

static void print_samples(const char *name, struct samples *samples)
{
    size_t late = 0;

    if (samples->count > 0)
        qsort(samples->latency_us, samples->count, sizeof *samples->latency_us, compare);
    while (late < samples->count && samples->latency_us[samples->count - 1 - late] > LATE_US)
        late++;
    printf("\"%s\": {\"requests\": %zu, \"p50_us\": %u, \"p90_us\": %u, \"p99_us\": %u, \"max_us\": %u, \"over_2ms\": "
           "%zu}, ",
           name, samples->count, at_share(samples, 0.5), at_share(samples, 0.9), at_share(samples, 0.99),
           at_share(samples, 1), late);
}

static void parse_options(int argc, char **argv)
{
    static const struct option names[] = {{"port", 1, 0, 'P'}, {"fast", 1, 0, 'f'},  {"slow", 1, 0, 's'},
                                          {"rate", 1, 0, 'r'}, {"path", 1, 0, 'p'},  {"seconds", 1, 0, 'S'},
                                          {"lead", 1, 0, 'l'}, {"close", 0, 0, 'c'}, {"slow-path", 1, 0, 'o'},
                                          {0, 0, 0, 0}};
    int name;

    while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (name) {
        case 'P':
            options.port = atoi(optarg);
            break;
        case 'f':
            options.fast = strtoul(optarg, NULL, 10);
            break;
        case 's':
            options.slow = strtoul(optarg, NULL, 10);
            break;
        case 'r':
            options.rate = atof(optarg);
            break;
        case 'p':
            options.path = optarg;
            break;
        case 'o':
            options.slow_path = optarg;
            break;
        case 'S':
            options.seconds = atof(optarg);
            break;
        case 'l':
            options.lead = atof(optarg);
            break;
        case 'c':
            options.closes = true;
            break;
        default:
            exit(2);
        }
    }
    if (options.port <= 0 || options.fast + options.slow == 0)
        give_up("--port is needed, and a connection: --fast or --slow");
}

static const char *make_request(const char *path, char *request)
{
    if (snprintf(request, REQUEST_MAX_BYTES, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path,
                 options.closes ? "Connection: close\r\n" : "") >= REQUEST_MAX_BYTES)
        give_up("the path is too long");
    return request;
}

int main(int argc, char **argv)
{
    char fast_request[REQUEST_MAX_BYTES], slow_request[REQUEST_MAX_BYTES];
    struct sched_param priority = {.sched_priority = PRIORITY};
    bool is_realtime;
    size_t unanswered;

    parse_options(argc, argv);
    /* Without a schedule it takes all of a CPU, and the kernel would stop it for 50 ms of every second. */
    is_realtime = options.rate > 0 && sched_setscheduler(0, SCHED_FIFO, &priority) == 0;
    if (options.rate > 0 && !is_realtime)
        fprintf(stderr, "tail: no real-time priority (%s): the latencies hold what the client waits for its CPU\n",
                strerror(errno));
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        give_up("no epoll");
    prepare(make_request(options.path, fast_request), make_request(options.slow_path, slow_request));
    run();
    unanswered = settle_unanswered();
    printf("{");
    print_samples("fast", &fast);
    print_samples("slow", &slow);
    printf("\"seconds\": %.3f, \"unanswered\": %zu, \"errors\": %lu, \"error\": \"%s\", \"reconnected\": %lu, "
           "\"realtime\": %s}\n",
           options.seconds, unanswered, errors, errors > 0 ? conn_error() : "", lost, is_realtime ? "true" : "false");
    return 0;
}
