/* SPDX-License-Identifier: MIT
 * What a slow client has not taken: in memory, in a temporary file, in a file of the application; in order, whole, and
 * drained by one thread while another adds to it. */
#include "h1_output.h"

#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "h1_body.h"

enum { KIB = 1024, MIB = 1 << 20, SECOND_US = 1000000, MANY_BYTES = 24 * MIB, NEVER_RIGHT = 2 * MANY_BYTES };

static char stream[MANY_BYTES]; /* what is sent, in this order */
static struct h1_output output;
static struct h1_settings settings;
static int server_fd, client_fd;
static size_t pushed;
static _Atomic(size_t) received;

static int set_up(void **state)
{
    const int room_bytes = 100 * KIB; /* twice that, whatever is usual on this machine */
    int ends[2];

    (void)state;
    for (size_t i = 0; i < sizeof(stream); i++)
        stream[i] = (char)(i * 131 + (i >> 8) * 7 + (i >> 16));
    settings = (struct h1_settings){.response_memory_bytes = 64 * KIB, .response_file_bytes = 64 * MIB};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room_bytes, sizeof(room_bytes)), 0);
    server_fd = ends[0];
    client_fd = ends[1];
    fcntl(server_fd, F_SETFL, O_NONBLOCK);
    h1_output_init(&output);
    pushed = 0;
    received = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    h1_output_fini(&output);
    fd_close(&server_fd);
    fd_close(&client_fd);
    return 0;
}

/* Pushes the next `len` bytes of the stream, in two pieces. Returns what the push returned; IO_AGAIN: what was not sent
 * is to be pushed again. */
static enum io_result push(size_t len)
{
    struct iovec pieces[] = {{stream + pushed, len / 3}, {stream + pushed + len / 3, len - len / 3}};
    struct iovec *iov = pieces;
    int count = 2;
    enum io_result result = h1_output_push(&output, &settings, server_fd, &iov, &count);
    size_t left = 0;

    for (int i = 0; result == IO_AGAIN && i < count; i++)
        left += iov[i].iov_len;
    pushed += len - left;
    return result;
}

/* Receives what there is now, or (flags 0) waits for more. Returns whether there was something. After wrong bytes
 * `received` is right never again. */
static bool take_piece(int flags)
{
    static char piece[64 * KIB];
    ssize_t got = recv(client_fd, piece, sizeof(piece), flags);

    if (got <= 0)
        return false;
    if (received + (size_t)got > MANY_BYTES || memcmp(piece, stream + received, (size_t)got) != 0)
        received = NEVER_RIGHT;
    else
        received += (size_t)got;
    return true;
}

static void take_now(void)
{
    while (take_piece(MSG_DONTWAIT))
        continue;
}

/* Until nothing waits any more. */
static void take_all(void)
{
    enum io_result result;

    do {
        result = h1_output_drain(&output, server_fd);
        assert_int_not_equal(result, IO_FAILED);
        take_now();
    } while (result != IO_DONE);
    take_now();
}

/* The socket full, nothing queued but what came last. */
static void fill_socket(void)
{
    do
        assert_int_equal(push(4 * KIB), IO_DONE);
    while (h1_output_is_empty(&output));
}

static void rest_is_kept_in_memory_then_in_a_file(void **state)
{
    (void)state;
    fill_socket();
    assert_int_equal(output.spool.piece.fd, -1);
    assert_int_equal(push(50 * KIB), IO_DONE);
    assert_int_equal(output.spool.piece.fd, -1);
    assert_int_equal(push(20 * KIB), IO_DONE);
    assert_true(output.spool.piece.fd >= 0);
    assert_int_equal(output.spool.piece.left, 20 * KIB);
    assert_int_equal(push(1), IO_DONE); /* there would be room in memory, but not in the right place */
    assert_int_equal(output.spool.piece.left, 20 * KIB + 1);
    assert_int_equal(push(MIB), IO_DONE);
    take_all();
    assert_int_equal(received, pushed);
    assert_true(h1_output_is_empty(&output));
    assert_int_equal(output.spool.piece.fd, -1);
    assert_null(output.bytes.ptr);
    fill_socket(); /* memory comes first again */
    assert_int_equal(output.spool.piece.fd, -1);
    take_all();
    assert_int_equal(received, pushed);
}

static void a_large_block_goes_to_the_file_at_once(void **state)
{
    (void)state;
    assert_int_equal(push(8 * MIB), IO_DONE);
    assert_int_equal(pushed, 8 * MIB);
    assert_true(output.spool.piece.left > 7 * MIB);
    take_all();
    assert_int_equal(received, pushed);
}

static void a_file_of_the_application_comes_last(void **state)
{
    int fd = fd_temporary_file(NULL);

    (void)state;
    fill_socket();
    assert_int_equal(push(MIB), IO_DONE);
    assert_int_equal(fd_write_all(fd, stream, pushed + 3 * MIB), 0);
    assert_int_equal(h1_output_append_file(&output, fd, (off_t)pushed, 3 * MIB), 0);
    fd_close(&fd);
    assert_int_equal(h1_output_drain(&output, server_fd), IO_AGAIN);
    take_all();
    assert_int_equal(received, pushed + 3 * MIB);
    assert_int_equal(output.file.fd, -1);
}

static void without_a_file_there_is_an_end(void **state)
{
    (void)state;
    settings.response_file_bytes = 0;
    fill_socket();
    while (push(16 * KIB) == IO_DONE)
        continue;
    assert_in_range(output.bytes.len, 48 * KIB, 64 * KIB);
    take_now();
    assert_int_equal(push(16 * KIB), IO_DONE);
    take_all();
    assert_int_equal(received, pushed);
}

static void the_file_has_an_end(void **state)
{
    (void)state;
    settings.response_file_bytes = 2 * MIB;
    fill_socket();
    while (push(100 * KIB) == IO_DONE)
        continue;
    assert_in_range(output.spool.piece.left, 2 * MIB - 100 * KIB, 2 * MIB);
    do { /* once the client has caught up there is room again */
        take_now();
    } while (push(100 * KIB) == IO_AGAIN);
    take_all();
    assert_int_equal(received, pushed);
}

static void a_full_disk_makes_the_app_wait(void **state)
{
    struct rlimit limit, low;
    enum io_result failed, still_failed;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    low = (struct rlimit){.rlim_cur = 300 * KIB, .rlim_max = limit.rlim_max};
    fill_socket();
    assert_int_equal(push(200 * KIB), IO_DONE);
    setrlimit(RLIMIT_FSIZE, &low);
    failed = push(200 * KIB);
    setrlimit(RLIMIT_FSIZE, &limit);
    still_failed = push(200 * KIB); /* not tried again at once */
    assert_int_equal(failed, IO_AGAIN);
    assert_int_equal(still_failed, IO_AGAIN);
    take_all();
    while (push(200 * KIB) == IO_AGAIN) /* once the client has caught up */
        take_now();
    take_all();
    assert_int_equal(received, pushed);
    assert_int_equal(push(8 * MIB), IO_DONE);
    take_all();
    assert_int_equal(received, pushed);
}

static void a_client_that_is_gone_is_noticed(void **state)
{
    (void)state;
    fill_socket();
    fd_close(&client_fd);
    assert_int_equal(h1_output_drain(&output, server_fd), IO_FAILED);
    assert_int_equal(push(KIB), IO_FAILED);
}

/* --- Rates --- */

static void slow_clients_are_told_from_fast_ones(void **state)
{
    int64_t before_us, start_us; /* before and after it begins */

    (void)state;
    settings.send_timeout_us = 5 * SECOND_US;
    settings.send_rate_bytes = 1000;
    assert_int_equal(push(100), IO_DONE);
    assert_false(h1_output_is_too_slow(&output, &settings, clock_now_us() + 3600LL * SECOND_US)); /* nothing waits */
    take_now();
    before_us = clock_now_us();
    fill_socket();
    start_us = clock_now_us();
    assert_false(h1_output_is_too_slow(&output, &settings, before_us + 4 * SECOND_US));
    assert_true(h1_output_is_too_slow(&output, &settings, start_us + 6 * SECOND_US));
    assert_int_equal(push(MIB), IO_DONE);
    while (h1_output_taken(&output) < 20000) {
        (void)take_piece(MSG_DONTWAIT);
        assert_int_equal(h1_output_drain(&output, server_fd), IO_AGAIN);
    }
    assert_false(h1_output_is_too_slow(&output, &settings, before_us + 6 * SECOND_US));
    assert_true(h1_output_is_too_slow(&output, &settings, start_us + 3600LL * SECOND_US));
    settings.send_rate_bytes = 0;
    assert_false(h1_output_is_too_slow(&output, &settings, start_us + 3600LL * SECOND_US));
    take_all();
    settings.send_rate_bytes = 1000;
    assert_false(h1_output_is_too_slow(&output, &settings, start_us + 3600LL * SECOND_US));
}

/* An app thread that waits with its bytes in hand has a client that is behind, although nothing is queued. */
static void the_rate_counts_while_the_app_waits(void **state)
{
    int64_t start_us = clock_now_us();

    (void)state;
    settings = (struct h1_settings){.send_timeout_us = SECOND_US, .send_rate_bytes = 1000};
    while (push(64 * KIB) == IO_DONE)
        continue;
    assert_true(h1_output_is_empty(&output));
    assert_int_equal(h1_output_drain(&output, server_fd), IO_DONE);
    assert_true(h1_output_is_too_slow(&output, &settings, start_us + 3600LL * SECOND_US));
    assert_false(h1_output_is_too_slow(&output, &settings, start_us + SECOND_US / 2));
}

static void slow_bodies_are_told_from_fast_ones(void **state)
{
    const struct h1_settings slow = {
        .body_memory_bytes = MIB, .body_timeout_us = 5 * SECOND_US, .body_rate_bytes = 1000};
    struct h1_body body;
    int64_t before_us, start_us;

    (void)state;
    h1_body_init(&body, &slow);
    assert_false(h1_body_is_too_slow(&body, clock_now_us() + 3600LL * SECOND_US)); /* not begun */
    before_us = clock_now_us();
    assert_int_equal(h1_body_expect(&body, 50000), 0);
    start_us = clock_now_us();
    assert_false(h1_body_is_too_slow(&body, before_us + 4 * SECOND_US));
    assert_true(h1_body_is_too_slow(&body, start_us + 6 * SECOND_US));
    assert_int_equal(h1_body_append(&body, slice_of(stream, 10000)), 0);
    assert_false(h1_body_is_too_slow(&body, before_us + 6 * SECOND_US));
    assert_true(h1_body_is_too_slow(&body, start_us + 11 * SECOND_US));
    h1_body_fini(&body);
    assert_false(h1_body_is_too_slow(&body, start_us + 3600LL * SECOND_US));
}

/* --- Two threads --- */

/* Drains whenever the socket is writable, and receives, until all of the stream is here. */
static void *drain_and_take(void *context)
{
    const size_t *wanted = context;

    while (received < *wanted && h1_output_drain(&output, server_fd) != IO_FAILED)
        take_now();
    return NULL;
}

static void what_is_queued_is_drained_while_the_app_computes(void **state)
{
    size_t wanted = 500 * KIB;
    pthread_t drainer;

    (void)state;
    settings.response_memory_bytes = MIB;
    assert_int_equal(push(500 * KIB), IO_DONE);
    assert_false(h1_output_is_empty(&output));
    assert_int_equal(pthread_create(&drainer, NULL, drain_and_take, &wanted), 0);
    pthread_join(drainer, NULL); /* the app computes as long as that */
    assert_int_equal(received, 500 * KIB);
}

static void two_threads_keep_the_order(void **state)
{
    static const size_t sizes[] = {100, 70000, 3, 200000, 30000};
    size_t wanted = MANY_BYTES;
    pthread_t drainer;

    (void)state;
    settings.response_file_bytes = 4 * MIB;
    assert_int_equal(pthread_create(&drainer, NULL, drain_and_take, &wanted), 0);
    for (int i = 0; pushed < MANY_BYTES && received != NEVER_RIGHT; i++) {
        size_t size = sizes[i % 5], left = MANY_BYTES - pushed;

        assert_int_not_equal(push(size < left ? size : left), IO_FAILED);
    }
    pthread_join(drainer, NULL);
    assert_int_equal(received, MANY_BYTES);
    assert_true(h1_output_is_empty(&output));
}

/* The app thread is about to write to the temporary file. */
static void (*before_write)(void);
ssize_t __real_pwritev(int fd, const struct iovec *iov, int count, off_t offset);
ssize_t __wrap_pwritev(int fd, const struct iovec *iov, int count, off_t offset);

ssize_t __wrap_pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
    if (before_write != NULL)
        before_write();
    return __real_pwritev(fd, iov, count, offset);
}

/* The client catches up in just that moment; the event that tells of it is over before there is something to send. */
static void what_is_being_written_is_not_left_behind(void **state)
{
    (void)state;
    fill_socket();
    assert_int_equal(push(MIB), IO_DONE);
    before_write = take_all;
    assert_int_equal(push(100 * KIB), IO_DONE);
    before_write = NULL;
    take_now();
    assert_true(received > pushed - 100 * KIB);
    take_all();
    assert_int_equal(received, pushed);
}

/* As the loop does it: told once, when the socket that was full has room again. */
static void *drain_on_edges(void *context)
{
    struct epoll_event event = {.events = EPOLLOUT | EPOLLET}, stop = {.events = EPOLLIN, .data.u32 = 1};
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, server_fd, &event);
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, *(const int *)context, &stop);
    while (epoll_wait(epoll_fd, &event, 1, -1) == 1 && event.data.u32 == 0)
        (void)h1_output_drain(&output, server_fd);
    fd_close(&epoll_fd);
    return NULL;
}

/* Returns when everything is here, or nothing comes for long. */
static void *take_patiently(void *context)
{
    const size_t *wanted = context;

    while (received < *wanted && take_piece(0))
        continue;
    return NULL;
}

/* Whatever the app thread queues while the socket gets room, somebody is told to send it. */
static void no_event_is_missed(void **state)
{
    const struct timeval patience = {.tv_sec = 20};
    int stop_fd = eventfd(0, EFD_CLOEXEC);
    size_t wanted = MANY_BYTES;
    pthread_t drainer, reader;

    (void)state;
    setsockopt(client_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(pthread_create(&drainer, NULL, drain_on_edges, &stop_fd), 0);
    while (pushed < MANY_BYTES) {
        wanted = pushed + 600 * KIB < MANY_BYTES ? pushed + 600 * KIB : MANY_BYTES;
        assert_int_equal(pthread_create(&reader, NULL, take_patiently, &wanted), 0);
        while (pushed < wanted && received != NEVER_RIGHT)
            assert_int_equal(push(wanted - pushed < 50 * KIB ? wanted - pushed : 50 * KIB), IO_DONE);
        pthread_join(reader, NULL); /* no push, no other drain helps */
        assert_int_equal(received, wanted);
    }
    eventfd_write(stop_fd, 1);
    pthread_join(drainer, NULL);
    fd_close(&stop_fd);
}

#define OUTPUT_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OUTPUT_TEST(rest_is_kept_in_memory_then_in_a_file),
        OUTPUT_TEST(a_large_block_goes_to_the_file_at_once),
        OUTPUT_TEST(a_file_of_the_application_comes_last),
        OUTPUT_TEST(without_a_file_there_is_an_end),
        OUTPUT_TEST(the_file_has_an_end),
        OUTPUT_TEST(a_full_disk_makes_the_app_wait),
        OUTPUT_TEST(a_client_that_is_gone_is_noticed),
        OUTPUT_TEST(slow_clients_are_told_from_fast_ones),
        OUTPUT_TEST(the_rate_counts_while_the_app_waits),
        OUTPUT_TEST(slow_bodies_are_told_from_fast_ones),
        OUTPUT_TEST(what_is_queued_is_drained_while_the_app_computes),
        OUTPUT_TEST(two_threads_keep_the_order),
        OUTPUT_TEST(what_is_being_written_is_not_left_behind),
        OUTPUT_TEST(no_event_is_missed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
