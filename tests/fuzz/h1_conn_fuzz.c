/* SPDX-License-Identifier: MIT
 * The states of connections: clients that follow a script (script.h) and an application that does what it is asked
 * (fuzz_app.h), against a whole server in one thread. What must hold, whatever they do:
 *
 *   - a request is run only if a second reader finds the same one at this place in the bytes (reference.h);
 *   - what a client receives are the application's answers, in order, and nothing that is not HTTP (answers.h);
 *   - no whole request is left waiting, and no answer is cut off, as long as no time passes and nobody hangs up;
 *   - a request that runs for too long is told of once, in time, and answered with 504 alone, or cut off;
 *   - told to end, the server ends; no descriptor is left open, and no control character is logged. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"
#include "fd.h"
#include "fuzz_app.h"
#include "h1_queue.h"
#include "h1_server_priv.h"
#include "log.h"
#include "reference.h"
#include "script.h"
#include "sent.h"
#include "wraps.h"

enum {
    SEND_BUFFER_BYTES = 4096,
    LOOKED_AT_FDS = 64,
    FIRST_NOW_US = 1000000000,
    LITTLE_US = 10000,    /* longer than any limit that is no client's business */
    LONG_US = 1000000000, /* longer than any limit */
    REQUEST_TIMEOUT_US = 2000000,
    MOST_LONG_WAITS = 30,
    BLOCKED_STEPS = 8,
    TOLD_STEPS = 40, /* within which what is due is done */
};

enum settings_bit {
    NO_KEEP_ALIVE = 1,
    NO_RESPONSE_MEMORY = 2,
    HAS_RESPONSE_FILE = 4,
    HAS_QUEUE = 8,
    HAS_RATES = 16,      /* and ids of requests */
    HAS_TIMING = 32,     /* and a limit to the time of a request */
    IS_CLIENTS_OWN = 64, /* else trusted proxies are in front, and begin with a PROXY header */
    HAS_SENTRY = 128,    /* drives also while the application waits for its client */
};

static const struct slice request_id_header = {.ptr = "Request-Id", .len = 10};
static struct h1_settings settings;
static struct script script;
static struct cidr_list trusted;
static struct listener listener = {.fd = -1, .is_unix = true, .server_name = "localhost", .url = "unix:fuzz"};
static struct h1_server *server;
static struct handoff handoff;
static int stop_fd, long_waits;
static bool has_sentry, is_turn_over;
static enum h1_fate verdict; /* on the request that runs; NONE: it has time */
static const struct exchange *running;
static bool has_settled; /* what had to happen without time passing has been checked */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void choose_settings(unsigned bits)
{
    settings = (struct h1_settings){
        .line_limit_bytes = 300,
        .head_limit_bytes = 900,
        .field_limit = 16,
        .body_limit_bytes = 100000,
        .body_memory_bytes = bits & NO_RESPONSE_MEMORY ? 80000 : 500,
        .head_timeout_us = 10000000,
        .body_timeout_us = 8000000,
        .send_timeout_us = 5000000,
        .body_rate_bytes = bits & HAS_RATES ? 100 : 0,
        .send_rate_bytes = bits & HAS_RATES ? 1000 : 0,
        .response_memory_bytes = bits & NO_RESPONSE_MEMORY ? 0 : 10000,
        .response_file_bytes = bits & HAS_RESPONSE_FILE ? 30000 : 0,
        .keep_alive_us = bits & NO_KEEP_ALIVE ? 0 : 7000000,
        .queue_limit = 3,
        .queue_timeout_us = 3000000,
        .thread_count = 1,
        .without = H1_WITHOUT_SENTRY,
        .request_id_header = bits & HAS_RATES ? request_id_header : (struct slice){0},
        .has_server_timing = (bits & HAS_TIMING) != 0,
        .request_timeout_us = bits & HAS_TIMING ? REQUEST_TIMEOUT_US : 0,
    };
    if (bits & IS_CLIENTS_OWN)
        return;
    settings.trusted = &trusted;
    settings.wants_proxy_header = true;
    settings.forwarded_fields = H1_X_FORWARDED_FOR | H1_X_FORWARDED_PROTO | H1_X_FORWARDED_HOST | H1_FORWARDED;
}

/* --- The application's side --- */

static struct slice not_run_yet(const struct client *client)
{
    if (client->executed == client->sent.len)
        return SLICE("");
    return slice_of(client->sent.ptr + client->executed, client->sent.len - client->executed);
}

/* Of a connection that is at its beginning; empty when there is none. */
static struct slice behind_proxy_header(const struct client *client, struct slice left)
{
    size_t used;

    if (!settings.wants_proxy_header || client->executed > 0)
        return left;
    if (reference_skip_proxy(left, &used) != REFERENCE_WHOLE)
        return SLICE("");
    return slice_of(left.ptr + used, left.len - used);
}

/* The request must be the next one in the bytes that its client has sent. */
static void check_request(struct client *client, const struct exchange *exchange)
{
    struct slice left = not_run_yet(client);
    struct reference expected;

    left = behind_proxy_header(client, left);
    check(reference_read(&expected, left) == REFERENCE_WHOLE, "a request was run that is none");
    sent_check(exchange, &expected, settings.request_id_header);
    client->executed = (size_t)(left.ptr + expected.used - client->sent.ptr);
    reference_fini(&expected);
}

static void play(void)
{
    script_play(&script);
}

/* As the sentry does in its thread: the app thread runs a request and has left the loop. */
static void begin_turn(void)
{
    check(drive_try(&server->drive), "the loop was not left");
    server->sentry.is_driving = true;
    server->driver = &server->sentry;
    server->loop.waiting_flag = NULL;
    server->loop.longest_wait_us = 0;
    h1_queue_unwatch(server);
    h1_balance_set_load(server, HANDOFF_FULL_LOAD);
}

static void end_turn(void)
{
    server->sentry.is_driving = false;
    drive_leave(&server->drive);
}

static void play_in_turn(void)
{
    is_turn_over = script_ends_turn(&script);
    if (!is_turn_over)
        script_play(&script);
}

static bool is_due(void)
{
    return settings.request_timeout_us > 0 && script_now_us >= running->times.taken_us + settings.request_timeout_us;
}

static void watch(void)
{
    void (*on_wait)(void) = wraps_on_wait;

    begin_turn();
    wraps_on_wait = play_in_turn;
    for (is_turn_over = false; !is_turn_over;)
        h1_server_step(server, true);
    for (int i = 0; i < TOLD_STEPS && is_due() && verdict == H1_FATE_NONE; i++)
        h1_server_step(server, false);
    check(!is_due() || verdict != H1_FATE_NONE, "a request runs for too long");
    wraps_on_wait = on_wait;
    end_turn();
}

/* What its client gets instead of the application's answer. */
static void expect_504(struct answer *answer)
{
    answer->status = 504;
    answer->has_length = false;
    answer->is_whole = true;
    answer->body.len = 0;
    check(buf_append(&answer->body, SLICE("the application took longer than request-timeout\n")) == 0, "out of memory");
}

static void serve(struct exchange *exchange)
{
    static const struct fuzz_app_breaks breaks = {.play = play, .watch = watch};
    int fd = ((struct h1_exchange *)(void *)exchange)->socket_fd, size = SEND_BUFFER_BYTES;
    struct client *client = script_find_peer(&script, fd);
    struct answer answer;

    /* So small that a client that does not read is noticed soon. */
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    check_request(client, exchange);
    verdict = H1_FATE_NONE;
    running = exchange;
    answer = fuzz_app_serve(exchange, &breaks);
    if (verdict == H1_FATE_ANSWERED)
        expect_504(&answer);
    *script_add_answer(client) = answer;
}

/* --- The end of the script --- */

static void check_answers(const struct client *client, enum answers_extent extent)
{
    answers_check(client->answers, client->answer_count, buf_slice(&client->received),
                  client->has_closed ? ANSWERS_UNREAD : extent);
}

/* Nothing more will happen by itself. */
static void check_settled(void)
{
    for (size_t i = 0; i < script.client_count; i++) {
        struct client *client = &script.clients[i];
        struct slice left = not_run_yet(client);
        struct reference waiting;

        if (!client->has_closed && !client->is_at_end && !script.is_drained) {
            check(reference_read(&waiting, behind_proxy_header(client, left)) != REFERENCE_WHOLE,
                  "a whole request is left waiting");
            reference_fini(&waiting);
        }
        check_answers(client, script.has_time_passed ? ANSWERS_CUT : ANSWERS_WHOLE);
    }
}

static void end_server(void)
{
    if (handoff.board != NULL)
        atomic_store(&handoff.board->is_stopping, 1);
    script.is_drained = true;
    check(eventfd_write(stop_fd, 1) == 0, "the order to end");
}

static void go_on(void)
{
    if (script_play(&script))
        return;
    script.is_busy = false;
    if (script_receive_all(&script))
        return;
    if (long_waits == 0) {
        script_now_us += LITTLE_US;
    } else if (!has_settled) {
        has_settled = true;
        check_settled();
        end_server();
    } else {
        script_now_us += LONG_US;
    }
    check(++long_waits < MOST_LONG_WAITS, "the server does not end");
}

static bool go_on_blocked(void)
{
    bool has_gone_on = script_play(&script) || script_receive_all(&script);

    if (has_sentry && has_gone_on) {
        begin_turn();
        for (int i = 0; i < BLOCKED_STEPS; i++)
            h1_server_step(server, false);
        end_turn();
    }
    return has_gone_on;
}

/* --- The server --- */

static void on_drain(void)
{
    check(eventfd_write(stop_fd, 1) == 0, "the order to end");
}

static void on_shed(int count)
{
    atomic_store(&server->balance.to_shed, (uint32_t)count);
}

static void on_stop(void *context, int fd)
{
    eventfd_t count;

    (void)context;
    (void)eventfd_read(fd, &count);
    h1_server_drain(server);
}

static void ignore_begin(void *context, int thread, const struct exchange *exchange)
{
    (void)context;
    (void)thread;
    (void)exchange;
}

static void on_end(void *context, int thread, const struct exchange *exchange, const struct h1_summary *summary)
{
    (void)context;
    (void)thread;
    if (running == NULL) { /* its client has gone while it waited in the queue */
        check(!summary->is_told && summary->status != 504, "the time of a request that has not run is over");
        return;
    }
    check(exchange == running, "the end of another request");
    check(summary->is_told == (verdict != H1_FATE_NONE), "who has told of the request");
    check((summary->status == 504) == (verdict == H1_FATE_ANSWERED || verdict == H1_FATE_CUT),
          "not the status of a request whose time was over");
    check(verdict != H1_FATE_ANSWERED || summary->head.len == 0, "a head that nobody was sent");
    running = NULL;
}

static void on_timeout(void *context, int thread, const struct exchange *exchange, const struct h1_summary *summary,
                       enum h1_fate found)
{
    (void)context;
    check(thread == 0 && running != NULL && exchange->number == running->number, "the time of no request is over");
    check(verdict == H1_FATE_NONE, "the time of a request is over twice");
    check(is_due(), "the time of a request is over too early");
    check(exchange->request == running->request && !summary->is_told, "another request");
    check(found != H1_FATE_ANSWERED || summary->body_bytes == 0, "a 504 behind something else");
    check(summary->status == (found == H1_FATE_LATE ? running->status : 504), "not the status that was sent");
    verdict = found;
    script.has_time_passed = true; /* also where the application has waited for its client */
}

static bool can_serve(void *context)
{
    (void)context;
    return !script.is_busy;
}

/* What is opened once. */
static void prepare(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct slice wrong;

    if (listener.fd >= 0)
        return;
    signal(SIGPIPE, SIG_IGN); /* as in every worker: sendfile() has no way to say so */
    log_init(LOG_LEVEL_DEBUG);
    fuzz_app_prepare();
    check(cidr_list_add(&trusted, SLICE("unix,10.0.0.0/8"), &wrong) == CIDR_DONE, "a list of proxies");
    listener.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    check(listener.fd >= 0 && bind(listener.fd, (struct sockaddr *)&name, sizeof(sa_family_t)) == 0 &&
              listen(listener.fd, 2 * SCRIPT_MOST_CLIENTS) == 0,
          "the listener");
}

/* What nobody has accepted must not be there for the next script. */
static void empty_backlog(void)
{
    int fd;

    while ((fd = accept(listener.fd, NULL, NULL)) >= 0)
        close(fd);
}

static void open_queue(void)
{
    check(handoff_open(&handoff, 2) == 0, "the queue");
    atomic_store(&handoff.board->rows[1].is_waiting, 1); /* a sibling that would take what is given away */
}

static void run_server(void)
{
    static const struct h1_observer observer = {
        .on_begin = ignore_begin, .on_end = on_end, .can_serve = can_serve, .on_timeout = on_timeout};
    struct h1_place place = {
        .listeners = &listener, .listener_count = 1, .handoff = handoff.board != NULL ? &handoff : NULL};
    struct h1_driver *driver;
    struct exchange *exchange;

    server = h1_server_new(&settings, &place, &observer);
    check(server != NULL, "the server");
    driver = h1_driver_new(server, 0);
    check(driver != NULL && h1_server_watch(server, stop_fd, on_stop, NULL) == 0, "the server");
    while ((exchange = h1_server_next(server, driver)) != NULL) {
        serve(exchange);
        h1_server_finish(server, driver);
    }
    h1_driver_free(driver);
    h1_server_free(server);
}

/* Bit n: descriptor n is open. */
static uint64_t open_fds(void)
{
    uint64_t open = 0;

    for (int fd = 0; fd < LOOKED_AT_FDS; fd++)
        open |= (uint64_t)(fcntl(fd, F_GETFD) >= 0) << fd;
    return open;
}

static void run_script(unsigned bits, const uint8_t *data, size_t size)
{
    choose_settings(bits);
    script_now_us = FIRST_NOW_US;
    wraps_idle_looks = 0;
    long_waits = 0;
    has_sentry = (bits & HAS_SENTRY) != 0;
    has_settled = false;
    stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (bits & HAS_QUEUE)
        open_queue();
    script_begin(&script, data, size, listener.fd);
    script.on_drain = on_drain;
    script.on_shed = on_shed;
    wraps_on_wait = go_on;
    wraps_on_blocked = go_on_blocked;
    run_server();
    wraps_on_wait = NULL;
    if (bits & HAS_QUEUE)
        handoff_close(&handoff);
    handoff = (struct handoff){0};
    script_receive_all(&script);
    for (size_t i = 0; i < script.client_count; i++)
        check_answers(&script.clients[i], ANSWERS_CUT);
    script_end(&script);
    empty_backlog();
    fd_close(&stop_fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t open;

    if (size == 0)
        return 0;
    prepare();
    open = open_fds();
    run_script(data[0], data + 1, size - 1);
    check(open == open_fds(), "a descriptor is left open");
    return 0;
}
