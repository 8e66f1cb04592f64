/* SPDX-License-Identifier: MIT
 * The drive with threads: four that serve, the sentry, and a poker that sends requests in bursts and waits for each
 * burst to be served, so that no later request can hide that a wake-up was lost. Stalls are thrown in between any
 * two steps of the protocol. Argument: the number of bursts. */
#include "unit.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "attrs.h"
#include "clock.h"
#include "drive.h"

/* A request waits for at most its share of the burst: 16 requests of up to 4 ms on 4 threads, with a few stalls and two
 * ticks to each, is 60 ms where processors are free. On a machine busy with something else there is no such bound; what
 * has not come after so much longer is lost. */
enum { LOST_AFTER_S = 20 };
enum { APP_THREADS = 4, MOST_BURST = 16, LONG_STALL_US = 4000 };

/* A small generator of each thread's own: xorshift64. */
static uint64_t random_below(uint64_t limit)
{
    static _Thread_local uint64_t word;

    if (word == 0)
        word = ((uint64_t)(uintptr_t)&word << 7) ^ (uint64_t)clock_now_us();
    word ^= word << 13;
    word ^= word >> 7;
    word ^= word << 17;
    return word % limit;
}

static void stall_for(int64_t us)
{
    const struct timespec time = {.tv_nsec = us * 1000};

    nanosleep(&time, NULL);
}

/* Mostly nothing; now and then the processor goes to somebody else, rarely for longer than the sentry's tick. */
static void maybe_stall(void)
{
    uint64_t dice = random_below(512);

    if (dice == 0)
        stall_for(LONG_STALL_US);
    else if (dice < 8)
        stall_for((int64_t)random_below(200));
    else if (dice < 100)
        sched_yield();
}

/* The protocol's own steps, with a stall before each: what is compiled here takes the place of the library's. */
#undef atomic_load
#undef atomic_store
#undef atomic_exchange
#undef atomic_fetch_add
#undef atomic_fetch_sub
#undef atomic_compare_exchange_strong
#define atomic_load(at) (maybe_stall(), atomic_load_explicit(at, memory_order_seq_cst))
#define atomic_store(at, value) (maybe_stall(), atomic_store_explicit(at, value, memory_order_seq_cst))
#define atomic_exchange(at, value) (maybe_stall(), atomic_exchange_explicit(at, value, memory_order_seq_cst))
#define atomic_fetch_add(at, value) (maybe_stall(), atomic_fetch_add_explicit(at, value, memory_order_seq_cst))
#define atomic_fetch_sub(at, value) (maybe_stall(), atomic_fetch_sub_explicit(at, value, memory_order_seq_cst))
#define atomic_compare_exchange_strong(at, expected, value)                                                            \
    (maybe_stall(),                                                                                                    \
     atomic_compare_exchange_strong_explicit(at, expected, value, memory_order_seq_cst, memory_order_seq_cst))
#include "drive.c"
#include "loop.c"

struct request {
    int64_t sent_us;
    bool is_hog; /* while it runs, nobody else in this worker can serve */
};

struct app_thread {
    pthread_t thread;
    struct drive_seat seat;
    _Atomic(uint32_t) notes; /* messages noticed */
};

static int burst_count = 200;
static struct loop loop;
static struct drive drive;
static struct app_thread app_threads[APP_THREADS];
static pthread_t sentry;
static int request_fds[2];
static struct loop_source request_source;
static struct request pending[MOST_BURST]; /* the driver's */
static int pending_count, drivers;
static _Atomic(uint32_t) is_hogged, overlaps;
static sem_t served;
static _Atomic(int64_t) longest_us;

/* Takes one request out of the socket, which tells of the next as well. */
static void on_request(struct loop_source *source, uint32_t events)
{
    (void)events;
    if (recv(source->fd, &pending[pending_count], sizeof(pending[0]), MSG_DONTWAIT) == (ssize_t)sizeof(pending[0]))
        pending_count++;
}

static void begin_driving(void)
{
    if (++drivers != 1)
        atomic_fetch_add(&overlaps, 1);
}

static void end_driving(void)
{
    maybe_stall();
    if (--drivers != 0)
        atomic_fetch_add(&overlaps, 1);
}

static bool can_serve(void *context)
{
    (void)context;
    return atomic_load(&is_hogged) == 0;
}

static void *run_sentry(void *nothing)
{
    while (drive_watch(&drive)) {
        begin_driving();
        while (!drive_is_wanted(&drive)) {
            loop_wait(&loop, true);
            loop_dispatch(&loop);
        }
        end_driving();
        drive_hand_over(&drive);
    }
    return nothing;
}

/* As the driver, waits for a request. Returns false when there is none: there is a message, nobody can serve it now, or
 * the drive has stopped. */
static bool wait_for_request(struct app_thread *app)
{
    while (pending_count == 0) {
        if (drive_is_stopped(&drive) || atomic_load(&app->seat.has_message))
            return false;
        loop_wait(&loop, true);
        loop_dispatch(&loop);
    }
    return can_serve(NULL);
}

/* Returns true with a request, or false. */
static bool next_request(struct app_thread *app, struct request *request)
{
    bool has_request, is_stuck;

    if (!drive_await(&drive, &app->seat)) {
        atomic_fetch_add(&app->notes, 1);
        return false;
    }
    begin_driving();
    has_request = wait_for_request(app);
    if (has_request) {
        *request = pending[--pending_count];
        if (request->is_hog)
            atomic_store(&is_hogged, 1);
    }
    is_stuck = !has_request && pending_count > 0;
    end_driving();
    if (is_stuck)
        drive_leave_to_sentry(&drive);
    else
        drive_leave(&drive);
    return has_request;
}

static void serve(const struct request *request)
{
    int64_t took_us = clock_now_us() - request->sent_us;

    if (took_us > atomic_load(&longest_us))
        atomic_store(&longest_us, took_us);
    if (random_below(4) != 0)
        stall_for((int64_t)random_below(LONG_STALL_US));
    if (request->is_hog)
        atomic_store(&is_hogged, 0); /* the sentry will notice as this thread comes back */
    sem_post(&served);
}

static void *run_app_thread(void *argument)
{
    struct app_thread *app = argument;
    struct request request;

    while (!drive_is_stopped(&drive)) {
        if (next_request(app, &request))
            serve(&request);
    }
    return NULL;
}

static void tell_where_it_hangs(void)
{
    print_error("held %u by sentry %d, turns %u, parked %u, sentry state %u; waiting %u, waits %u, interrupts %u; "
                "hogged %u\n",
                atomic_load(&drive.is_held), atomic_load(&drive.is_held_by_sentry), atomic_load(&drive.turns),
                atomic_load(&drive.parked_count), atomic_load(&drive.sentry_state), atomic_load(&loop.is_waiting),
                atomic_load(&loop.waits), atomic_load(&loop.interrupts), atomic_load(&is_hogged));
}

static bool wait_until_served(void)
{
    struct timespec limit;

    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += LOST_AFTER_S;
    if (sem_timedwait(&served, &limit) == 0)
        return true;
    tell_where_it_hangs();
    return false;
}

static bool serve_burst(void)
{
    int count = 1 + (int)random_below(MOST_BURST);

    for (int i = 0; i < count; i++) {
        struct request request = {.sent_us = clock_now_us(), .is_hog = random_below(25) == 0};

        maybe_stall();
        if (send(request_fds[1], &request, sizeof(request), 0) != (ssize_t)sizeof(request))
            return false;
    }
    for (int i = 0; i < count; i++) {
        if (!wait_until_served())
            return false;
    }
    return true;
}

/* Looks again and again, as there is nothing that tells. Returns false when it has been false for too long. */
static bool becomes(bool (*is_true)(const void *argument), const void *argument)
{
    int64_t until_us = clock_now_us() + LOST_AFTER_S * INT64_C(1000000);

    while (!is_true(argument)) {
        if (clock_now_us() > until_us) {
            tell_where_it_hangs();
            return false;
        }
        sched_yield();
    }
    return true;
}

static bool is_noticed(const void *argument)
{
    const struct app_thread *app = argument;

    return !atomic_load(&app->seat.has_message);
}

static bool send_message(void)
{
    struct app_thread *app = &app_threads[random_below(APP_THREADS)];

    drive_call(&drive, &app->seat);
    loop_interrupt(&loop); /* it may be the driver */
    return becomes(is_noticed, app);
}

static bool is_asleep(const void *nothing)
{
    (void)nothing;
    return atomic_load(&drive.sentry_state) == SENTRY_PARKED;
}

static int start_threads(void)
{
    int failed = pthread_create(&sentry, NULL, run_sentry, NULL);

    for (int i = 0; i < APP_THREADS && failed == 0; i++)
        failed = pthread_create(&app_threads[i].thread, NULL, run_app_thread, &app_threads[i]);
    return failed;
}

static int set_up(void **state)
{
    (void)state;
    if (loop_init(&loop) < 0 || drive_init(&drive, &loop) < 0 || sem_init(&served, 0, 0) < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, request_fds) < 0)
        return -1;
    drive.can_serve = can_serve;
    request_source = (struct loop_source){.fd = request_fds[0], .on_events = on_request};
    return loop_add(&loop, &request_source, EPOLLIN) < 0 || start_threads() != 0 ? -1 : 0;
}

static void end_threads(void)
{
    drive_stop(&drive);
    pthread_join(sentry, NULL);
    for (int i = 0; i < APP_THREADS; i++)
        pthread_join(app_threads[i].thread, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    drive_fini(&drive);
    loop_fini(&loop);
    sem_destroy(&served);
    close(request_fds[0]);
    close(request_fds[1]);
    return 0;
}

static void every_request_is_served(void **state)
{
    bool is_well = true;

    (void)state;
    for (int i = 0; i < burst_count && is_well; i++) {
        if (random_below(4) == 0)
            is_well = becomes(is_asleep, NULL);
        if (is_well && random_below(4) == 0)
            is_well = send_message();
        is_well = is_well && serve_burst();
    }
    end_threads();
    print_message("%d bursts, the sentry drove %" PRIu64 " times, longest wait %" PRIi64 " us\n", burst_count,
                  atomic_load(&drive.takeovers), atomic_load(&longest_us));
    assert_true(is_well);
    assert_int_equal(atomic_load(&overlaps), 0);
    assert_int_equal(sem_trywait(&served), -1); /* nothing was served twice */
    assert_true(atomic_load(&drive.takeovers) > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_request_is_served, set_up, tear_down),
    };

    if (argc > 1)
        burst_count = atoi(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
