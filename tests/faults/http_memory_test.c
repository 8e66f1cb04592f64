/* SPDX-License-Identifier: MIT
 * Each allocation of the HTTP server fails once, and in a second round so do all that follow it. Whatever the moment:
 * the client gets whole answers, then at most one that says so or none, and nothing is left behind. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>

#include "fake_gateway.h"
#include "handoff.h"
#include "h1_server_priv.h"
#include "scarce_memory.h"

enum { LARGE_BYTES = 300000, BODY_BYTES = 100000, REQUESTS = 6, HEAD_REQUESTS = 3 };

static struct handoff handoff;
static char large[LARGE_BYTES];

/* By the client, whose thread cannot end the test. */
static _Atomic(bool) is_answer_missing, is_answer_wrong;

struct run {
    struct fake fake;
    bool has_sibling; /* to which everything is given, through the queue */
    bool asks_heads;  /* alone */
    int answered;     /* with status 200, as the client saw it */
    int refused;      /* with another one */
};

static void serve(struct exchange *exchange)
{
    struct slice path = exchange->request->path, block = slice_of(large, sizeof(large));

    if (exchange_begin_head(exchange, 200, SLICE("OK")) != HEAD_OK ||
        exchange_add_header(exchange, SLICE("X-Some"), SLICE("thing")) != HEAD_OK) {
        exchange_fail(exchange);
        return;
    }
    if (!slice_equal(path, SLICE("/large")) && exchange_buffer_body(exchange, &path, 1))
        return;
    (void)exchange_write(exchange, &block, 1, true);
}

static void set_timeout(int fd)
{
    struct timeval limit = {.tv_sec = 20};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

/* Reads digits up to the first other character, which there is: what has come is no string. */
static int read_number(const char *digits)
{
    int number = 0;

    for (; *digits >= '0' && *digits <= '9'; digits++)
        number = number * 10 + (*digits - '0');
    return number;
}

/* Drops the first response from what has come, once it is whole. */
static bool drop_response(struct fake *fake)
{
    static const char length_name[] = "Content-Length: ", end[] = "0\r\n\r\n";
    const struct buf *input = &fake->input;
    const char *body = memmem(input->ptr, input->len, "\r\n\r\n", 4), *length, *last;
    size_t head_len, whole;

    if (body == NULL)
        return false;
    head_len = (size_t)(body + 4 - input->ptr);
    length = memmem(input->ptr, head_len, length_name, sizeof(length_name) - 1);
    last = memmem(input->ptr + head_len, input->len - head_len, end, sizeof(end) - 1);
    if (length == NULL && last == NULL)
        return false;
    whole = length != NULL ? head_len + (size_t)read_number(length + sizeof(length_name) - 1)
                           : (size_t)(last + sizeof(end) - 1 - input->ptr);
    if (input->len < whole)
        return false;
    buf_consume(&fake->input, whole);
    return true;
}

/* Receives a response to its end. Returns its status, 0 when the connection ends before. */
static int receive_response(struct fake *fake)
{
    int status = 0;
    char piece[65536];
    ssize_t got;

    for (;;) {
        if (status == 0 && fake->input.len > sizeof("HTTP/1.1 200") - 1)
            status = read_number(fake->input.ptr + sizeof("HTTP/1.1"));
        if (status != 0 && drop_response(fake))
            return status;
        got = recv(fake->client_fd, piece, sizeof(piece), 0);
        is_answer_missing |= got < 0 && errno != ECONNRESET;
        if (got <= 0 || buf_append(&fake->input, slice_of(piece, (size_t)got)) < 0)
            return 0;
    }
}

static bool take_answer(struct fake *fake)
{
    struct run *run = CONTAINER_OF(fake, struct run, fake);
    int status = receive_response(fake);

    run->answered += status == 200;
    run->refused += status != 200 && status != 0;
    is_answer_wrong |= status != 0 && status != 200 && status != 500 && status != 503;
    return status != 0;
}

static void send_body(struct fake *fake)
{
    for (size_t sent = 0; sent < BODY_BYTES; sent += 1000) {
        char piece[1001];

        memset(piece, 'b', 1000);
        piece[1000] = '\0';
        fake_send(fake, piece);
    }
}

#define END " HTTP/1.1\r\nHost: a\r\n"

/* In pieces where the server is to keep something; goes on until the server closes. */
static void ask_for_everything(struct fake *fake)
{
    set_timeout(fake->client_fd);
    fake_send(fake, "GET /half" END "X-A: b");
    usleep(2000); /* most likely two reads; one is also right */
    fake_send(fake, "c\r\n\r\n");
    if (!take_answer(fake))
        return;
    fake_send(fake, "GET /first" END "\r\nGET /second" END "\r\nGET /th");
    if (!take_answer(fake) || !take_answer(fake))
        return;
    fake_send(fake, "ird" END "\r\n");
    if (!take_answer(fake))
        return;
    fake_send(fake, "POST /body" END "Content-Length: 100000\r\n\r\n");
    send_body(fake);
    if (!take_answer(fake))
        return;
    fake_send(fake, "GET /large" END "\r\n");
    (void)take_answer(fake);
}

/* Who was refused is waited for, until it hangs up. */
static void ask_and_hang_up(struct fake *fake)
{
    ask_for_everything(fake);
    shutdown(fake->client_fd, SHUT_WR);
}

/* As ask_for_everything, but there is no body, neither behind 200 nor behind 503 (RFC 9110 9.3.2). */
static void ask_for_heads(struct fake *fake)
{
    struct run *run = CONTAINER_OF(fake, struct run, fake);
    char piece[65536];
    ssize_t got;

    set_timeout(fake->client_fd);
    fake_send(fake, "HEAD /half" END "X-A: b");
    usleep(2000);
    fake_send(fake, "c\r\n\r\nHEAD /second" END "\r\nHEAD /th");
    usleep(2000);
    fake_send(fake, "ird" END "\r\n");
    shutdown(fake->client_fd, SHUT_WR);
    while ((got = recv(fake->client_fd, piece, sizeof(piece), 0)) > 0)
        if (buf_append(&fake->input, slice_of(piece, (size_t)got)) < 0)
            return;
    is_answer_missing |= got < 0 && errno != ECONNRESET;
    run->answered = (int)fake_count(fake, "HTTP/1.1 200");
    run->refused = (int)fake_count(fake, "HTTP/1.1 503");
    is_answer_wrong |= fake_count(fake, "\r\n\r\n") != fake_count(fake, "HTTP/1.1 ");
    is_answer_wrong |= fake->input.len > 0 && memcmp(fake->input.ptr + fake->input.len - 4, "\r\n\r\n", 4) != 0;
}

static size_t count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    size_t count = 0;

    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

/* As the worker does it, but that setting up may fail. */
static bool set_up_server(struct run *run, struct h1_driver **driver, const struct h1_observer *observer)
{
    struct fake *fake = &run->fake;
    struct h1_place place = {.listeners = &fake->listener, .listener_count = 1};

    if (run->has_sibling)
        place.handoff = &handoff;
    fake->server = h1_server_new(&fake->settings, &place, observer);
    if (fake->server == NULL)
        return false;
    *driver = h1_driver_new(fake->server, 0);
    if (*driver == NULL)
        return false;
    assert_int_equal(h1_server_watch(fake->server, fake->stop_fd, fake_on_stop, fake), 0);
    if (run->has_sibling)
        atomic_store(&handoff.board->rows[1].is_waiting, 1);
    return true;
}

static void serve_all(struct run *run, struct h1_driver *driver)
{
    struct fake *fake = &run->fake;
    struct exchange *exchange;
    pthread_t thread;

    fake->client_fd = loopback_connect(&fake->listener);
    assert_int_equal(pthread_create(&thread, NULL, fake_run_client, fake), 0);
    if (run->has_sibling)
        atomic_store(&fake->server->balance.to_shed, 1);
    while ((exchange = h1_server_next(fake->server, driver)) != NULL) {
        serve(exchange);
        h1_server_finish(fake->server, driver);
        if (run->has_sibling)
            atomic_store(&fake->server->balance.to_shed, 1);
    }
    pthread_join(thread, NULL);
    close(fake->client_fd);
}

/* Returns whether an allocation was refused. */
static bool run_with_failure(struct run *run, int n, bool is_lasting)
{
    struct fake *fake = &run->fake;
    struct h1_observer observer = {.context = fake, .on_begin = fake_count_begin, .on_end = fake_count_end};
    struct h1_driver *driver = NULL;
    char error[200];
    bool has_failed;

    fake->settings = patient_settings;
    fake->settings.response_memory_bytes = 1 << 16;
    fake->client = run->asks_heads ? ask_for_heads : ask_and_hang_up;
    assert_int_equal(listener_open(&fake->listener, "127.0.0.1:0", 16, error, sizeof(error)), 0);
    assert_int_equal(handoff_open(&handoff, 2), 0);
    fake->stop_fd = eventfd(0, EFD_NONBLOCK);
    scarcity_begin(n, is_lasting);
    if (set_up_server(run, &driver, &observer))
        serve_all(run, driver);
    has_failed = scarcity_end();
    h1_driver_free(driver);
    if (fake->server != NULL)
        h1_server_free(fake->server);
    close(fake->stop_fd);
    handoff_close(&handoff);
    listener_close(&fake->listener);
    fake_fini(fake);
    assert_int_equal(fake->begun, fake->ended);
    assert_false(is_answer_missing);
    assert_false(is_answer_wrong);
    return has_failed;
}

/* Returns how many allocations there are. */
static int fail_each(struct run kind, bool is_lasting)
{
    int requests = kind.asks_heads ? HEAD_REQUESTS : REQUESTS;
    size_t descriptors = count_descriptors();

    for (int n = 0;; n++) {
        struct run run = kind;
        bool has_failed = run_with_failure(&run, n, is_lasting);

        assert_int_equal(count_descriptors(), descriptors);
        if (!has_failed) {
            assert_int_equal(run.answered, requests);
            return n;
        }
        assert_in_range(run.refused, 0, is_lasting ? requests : 1);
    }
}

static void one_allocation_fails(void **state)
{
    (void)state;
    assert_in_range(fail_each((struct run){0}, false), 8, 200);
}

static void memory_stays_scarce(void **state)
{
    (void)state;
    assert_in_range(fail_each((struct run){0}, true), 8, 200);
}

static void one_allocation_fails_on_the_way_to_a_sibling(void **state)
{
    (void)state;
    assert_in_range(fail_each((struct run){.has_sibling = true}, false), 8, 200);
}

static void memory_stays_scarce_on_the_way_to_a_sibling(void **state)
{
    (void)state;
    assert_in_range(fail_each((struct run){.has_sibling = true}, true), 8, 200);
}

static void a_head_request_gets_no_body(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_in_range(fail_each((struct run){.asks_heads = true, .has_sibling = i >= 2}, i % 2 == 1), 4, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_allocation_fails),
        cmocka_unit_test(memory_stays_scarce),
        cmocka_unit_test(one_allocation_fails_on_the_way_to_a_sibling),
        cmocka_unit_test(memory_stays_scarce_on_the_way_to_a_sibling),
        cmocka_unit_test(a_head_request_gets_no_body),
    };

    memset(large, 'L', sizeof(large));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
