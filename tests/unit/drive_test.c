/* SPDX-License-Identifier: MIT
 * Each rule of the drive, in one thread: where a thread would sleep, the test does what the others do meanwhile. The
 * threads themselves are in drive_stress_test.c. */
#include "unit.h"

#include "attrs.h"
#include "drive.h"
#include "futex.h"

enum { MOST_SLEEPS = 20 };

static struct loop loop;
static struct drive drive;
static struct drive_seat seats[3];
static int sleep_count, wake_count, tick_count;
static int64_t timeouts_us[MOST_SLEEPS];
static void (*during_sleep)(int number); /* from 1 on */
static void (*before_lock)(void);        /* once, the next time */
static bool can_serve;

void __wrap_futex_wait(_Atomic(uint32_t) *word, uint32_t expected, int64_t timeout_us);
void __wrap_futex_wake(_Atomic(uint32_t) *word);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __real_pthread_mutex_lock(pthread_mutex_t *mutex);

void __wrap_futex_wait(_Atomic(uint32_t) *word, uint32_t expected, int64_t timeout_us)
{
    if (atomic_load(word) != expected)
        return;
    assert_true(sleep_count < MOST_SLEEPS);
    timeouts_us[sleep_count++] = timeout_us;
    if (during_sleep != NULL)
        during_sleep(sleep_count);
}

void __wrap_futex_wake(_Atomic(uint32_t) *word)
{
    (void)word;
    wake_count++;
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    void (*first)(void) = before_lock;

    before_lock = NULL;
    if (first != NULL)
        first();
    return __real_pthread_mutex_lock(mutex);
}

static bool may_serve(void *context)
{
    assert_ptr_equal(context, &drive);
    return can_serve;
}

static void on_tick(void *context)
{
    assert_ptr_equal(context, &drive);
    tick_count++;
}

static int set_up(void **state)
{
    (void)state;
    sleep_count = wake_count = tick_count = 0;
    during_sleep = NULL;
    before_lock = NULL;
    memset(seats, 0, sizeof(seats));
    if (loop_init(&loop) < 0 || drive_init(&drive, &loop) < 0)
        return -1;
    drive.context = &drive;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    drive_fini(&drive);
    loop_fini(&loop);
    return 0;
}

static void one_drives_at_a_time(void **state)
{
    (void)state;
    assert_true(drive_try(&drive));
    assert_false(drive_try(&drive));
    assert_int_equal(atomic_load(&drive.turns), 1);
    drive_leave(&drive);
    assert_int_equal(atomic_load(&drive.turns), 2);
    assert_true(drive_await(&drive, &seats[0]));
    assert_false(drive_try(&drive));
    drive_leave(&drive);
    assert_int_equal(atomic_load(&drive.turns), 4);
    assert_int_equal(sleep_count + wake_count, 0);
}

/* Drives as the sentry, for no longer than to hand over. */
static void step_in(void)
{
    assert_true(drive_watch(&drive));
    drive_hand_over(&drive);
}

static void leave_and_step_in(int number)
{
    assert_int_equal(timeouts_us[number - 1], -1);
    assert_int_equal(atomic_load(&drive.parked_count), 1);
    drive_leave(&drive);
    assert_int_equal(atomic_load(&seats[0].is_called), 0); /* by the sentry only */
    assert_int_equal(wake_count, 0);
    during_sleep = NULL;
    step_in();
}

static void the_sentry_calls_who_waits(void **state)
{
    (void)state;
    assert_true(drive_try(&drive));
    during_sleep = leave_and_step_in;
    assert_true(drive_await(&drive, &seats[0]));
    assert_int_equal(wake_count, 1);
    assert_int_equal(atomic_load(&drive.parked_count), 0);
    assert_false(drive_try(&drive));
}

static void leave_eagerly(int number)
{
    (void)number;
    drive_leave(&drive);
    assert_int_equal(atomic_load(&seats[1].is_called), 1);
    assert_int_equal(wake_count, 2);
}

/* Once the loop has been left alone, who leaves it calls the next at once, as long as that was lately. */
static void slow_requests_make_eager(void **state)
{
    (void)state;
    assert_true(drive_try(&drive));
    during_sleep = leave_and_step_in;
    assert_true(drive_await(&drive, &seats[0]));
    assert_true(atomic_load(&drive.is_eager));
    during_sleep = leave_eagerly;
    assert_true(drive_await(&drive, &seats[1]));
}

static int calls_seen;

/* The sentry's sleeps: before its first look, after that, and so on. The called ones do not get to run. */
static void count_calls(int number)
{
    (void)number;
    assert_int_equal(atomic_load(&seats[1].is_called), calls_seen > 0);
    assert_int_equal(atomic_load(&seats[0].is_called), calls_seen > 1);
    calls_seen++;
}

static void let_second_wait(int number)
{
    (void)number;
    drive_leave(&drive);
    calls_seen = 0;
    during_sleep = count_calls;
    step_in();
    assert_int_equal(calls_seen, 3);
}

static void let_first_wait(int number)
{
    (void)number;
    during_sleep = let_second_wait;
    assert_true(drive_await(&drive, &seats[1]));
    drive_leave(&drive);
}

static void the_last_to_wait_is_called_first(void **state)
{
    (void)state;
    assert_true(drive_try(&drive));
    during_sleep = let_first_wait;
    assert_true(drive_await(&drive, &seats[0]));
    assert_int_equal(wake_count, 2);
}

static void leave(void)
{
    drive_leave(&drive);
}

static void call(void)
{
    drive_call(&drive, &seats[0]);
}

static void stop(void)
{
    drive_stop(&drive);
}

/* What comes after the first look finds no seat in the list yet: the thread must see it itself before it sleeps. */
static void nothing_is_lost_on_the_way_to_sleep(void **state)
{
    (void)state;
    assert_true(drive_try(&drive));
    before_lock = leave;
    assert_true(drive_await(&drive, &seats[0]));
    before_lock = call;
    assert_false(drive_await(&drive, &seats[0]));
    before_lock = stop;
    assert_false(drive_await(&drive, &seats[0]));
    assert_int_equal(sleep_count, 0);
    assert_int_equal(atomic_load(&drive.parked_count), 0);
    assert_true(list_is_empty(&drive.parked));
}

static void call_seats(int number)
{
    (void)number;
    drive_call(&drive, &seats[1]); /* another, which is not there */
    assert_int_equal(atomic_load(&seats[0].is_called), 0);
    drive_call(&drive, &seats[0]);
    assert_int_equal(wake_count, 1);
}

static void a_message_ends_the_waiting(void **state)
{
    (void)state;
    drive_call(&drive, &seats[0]);
    assert_false(drive_await(&drive, &seats[0]));
    assert_true(drive_await(&drive, &seats[0])); /* it was told once */
    during_sleep = call_seats;
    assert_false(drive_await(&drive, &seats[0]));
    assert_int_equal(sleep_count, 1);
    assert_false(drive_await(&drive, &seats[1]));
    assert_int_equal(sleep_count, 1);
}

static void stop_in_sleep(int number)
{
    (void)number;
    drive_stop(&drive);
}

static void stopping_ends_the_waiting(void **state)
{
    (void)state;
    assert_true(drive_try(&drive));
    during_sleep = stop_in_sleep;
    assert_false(drive_await(&drive, &seats[0]));
    assert_int_equal(wake_count, 1);
    assert_int_equal(atomic_load(&loop.interrupts), 1);
    assert_true(drive_is_stopped(&drive));
    assert_true(drive_is_wanted(&drive));
    assert_false(drive_await(&drive, &seats[1]));
    assert_false(drive_watch(&drive));
    assert_int_equal(sleep_count, 1);
}

static void take_turns(int number)
{
    if (number <= 3) {
        assert_true(drive_try(&drive));
        drive_leave(&drive);
    }
}

static void a_loop_in_use_is_not_taken(void **state)
{
    (void)state;
    during_sleep = take_turns;
    assert_true(drive_watch(&drive));
    assert_int_equal(sleep_count, 4);
    assert_int_equal(wake_count, 0);
    for (int i = 0; i < sleep_count; i++)
        assert_int_equal(timeouts_us[i], DRIVE_TICK_US);
    assert_true(atomic_load(&drive.is_held_by_sentry));
    assert_int_equal(atomic_load(&drive.takeovers), 1);
    assert_false(drive_try(&drive));
    drive_hand_over(&drive);
    assert_false(atomic_load(&drive.is_held_by_sentry));
    assert_true(drive_try(&drive));
}

/* The driver comes back from waiting once, and leaves when the sentry sleeps without a limit. */
static void wait_calmly(int number)
{
    if (number == 2)
        loop.waits++;
    if (timeouts_us[number - 1] < 0) {
        drive_leave(&drive);
        assert_int_equal(wake_count, 1);
        assert_int_equal(atomic_load(&drive.sentry_state), SENTRY_LOOKS);
    }
}

static void an_idle_worker_is_not_looked_after(void **state)
{
    const int64_t expected_us[] = {DRIVE_TICK_US, DRIVE_TICK_US, DRIVE_TICK_US, DRIVE_TICK_US, -1, DRIVE_TICK_US};

    (void)state;
    drive.on_tick = on_tick;
    assert_true(drive_try(&drive));
    loop.is_waiting = 1;
    during_sleep = wait_calmly;
    assert_true(drive_watch(&drive));
    assert_int_equal(sleep_count, ARRAY_COUNT(expected_us));
    assert_memory_equal(timeouts_us, expected_us, sizeof(expected_us));
    assert_int_equal(tick_count, 5); /* all but the long one */
}

static void leave_at_twelfth(int number)
{
    assert_int_equal(timeouts_us[number - 1], DRIVE_TICK_US);
    if (number == 12)
        drive_leave(&drive);
}

static void a_driver_that_does_not_wait_is_looked_after(void **state)
{
    (void)state;
    assert_true(drive_try(&drive));
    during_sleep = leave_at_twelfth;
    assert_true(drive_watch(&drive));
    assert_true(sleep_count > 12);
}

static void leave_to_sentry(int number)
{
    if (number == 1 || timeouts_us[number - 1] < 0) {
        drive_leave_to_sentry(&drive);
        assert_false(drive_try(&drive)); /* nobody else comes first */
        assert_int_equal(wake_count, 1);
    }
}

static void the_drive_can_be_left_to_the_sentry(void **state)
{
    (void)state;
    assert_true(drive_try(&drive));
    during_sleep = leave_to_sentry;
    assert_true(drive_watch(&drive));
    assert_int_equal(sleep_count, 1);
    assert_int_equal(atomic_load(&drive.turns), 2);
    drive_hand_over(&drive);
    assert_true(drive_try(&drive));
}

static void leave_to_sentry_late(int number)
{
    if (number > 1)
        leave_to_sentry(number);
}

static void the_drive_can_be_left_to_a_sleeping_sentry(void **state)
{
    (void)state;
    assert_true(drive_try(&drive));
    loop.is_waiting = 1;
    during_sleep = leave_to_sentry_late;
    assert_true(drive_watch(&drive));
    assert_int_equal(sleep_count, 3);
    assert_int_equal(timeouts_us[2], -1);
}

static void where_no_sentry_is_nothing_is_left_to_it(void **state)
{
    (void)state;
    drive.has_sentry = false;
    assert_true(drive_try(&drive));
    drive_leave_to_sentry(&drive);
    assert_true(drive_try(&drive));
    drive.has_sentry = true;
    drive_leave_to_sentry(&drive);
    drive_stop(&drive);
    assert_false(drive_watch(&drive));
    assert_true(drive_try(&drive)); /* the sentry let go of it */
    drive_leave_to_sentry(&drive);
    assert_true(drive_try(&drive));
    assert_false(atomic_load(&drive.is_held_by_sentry));
}

static void watch_without_server(int number)
{
    (void)number;
    drive_leave(&drive);
    during_sleep = NULL;
    assert_true(drive_watch(&drive)); /* no use to call this one */
    assert_int_equal(sleep_count, 2);
    assert_false(drive_is_wanted(&drive));
    can_serve = true;
    assert_true(drive_is_wanted(&drive));
    drive_hand_over(&drive);
}

static void who_cannot_serve_is_not_wanted(void **state)
{
    (void)state;
    drive.can_serve = may_serve;
    can_serve = true;
    assert_false(drive_is_wanted(&drive)); /* nobody waits */
    can_serve = false;
    assert_true(drive_try(&drive));
    during_sleep = watch_without_server;
    assert_true(drive_await(&drive, &seats[0]));
}

static void hand_over_at_interrupt(int number)
{
    assert_int_equal(number, 2);
    assert_int_equal(atomic_load(&loop.interrupts), 1);
    assert_true(drive_is_wanted(&drive));
    drive_hand_over(&drive);
}

static void leave_without_interrupt(int number)
{
    (void)number;
    assert_int_equal(atomic_load(&loop.interrupts), 1); /* as before */
    drive_leave(&drive);
    during_sleep = NULL;
    step_in();
}

static void the_sentry_is_interrupted_when_somebody_comes_back(void **state)
{
    (void)state;
    assert_true(drive_watch(&drive));
    during_sleep = hand_over_at_interrupt;
    assert_true(drive_await(&drive, &seats[0]));
    during_sleep = leave_without_interrupt; /* of another app thread's wait */
    assert_true(drive_await(&drive, &seats[1]));
}

static void leave_then_stop(int number)
{
    assert_int_equal(number, 1);
    assert_int_equal(timeouts_us[0], -1);
    drive_leave(&drive);
    assert_int_equal(wake_count, 0);
    assert_int_equal(atomic_load(&drive.sentry_state), SENTRY_ABSENT);
    drive_stop(&drive);
    assert_int_equal(wake_count, 1);
}

static void without_a_sentry_nobody_steps_in(void **state)
{
    (void)state;
    drive.has_sentry = false;
    assert_true(drive_try(&drive));
    during_sleep = leave_then_stop;
    assert_false(drive_watch(&drive));
}

#define DRIVE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVE_TEST(one_drives_at_a_time),
        DRIVE_TEST(the_sentry_calls_who_waits),
        DRIVE_TEST(slow_requests_make_eager),
        DRIVE_TEST(the_last_to_wait_is_called_first),
        DRIVE_TEST(nothing_is_lost_on_the_way_to_sleep),
        DRIVE_TEST(a_message_ends_the_waiting),
        DRIVE_TEST(stopping_ends_the_waiting),
        DRIVE_TEST(a_loop_in_use_is_not_taken),
        DRIVE_TEST(an_idle_worker_is_not_looked_after),
        DRIVE_TEST(a_driver_that_does_not_wait_is_looked_after),
        DRIVE_TEST(the_drive_can_be_left_to_the_sentry),
        DRIVE_TEST(the_drive_can_be_left_to_a_sleeping_sentry),
        DRIVE_TEST(where_no_sentry_is_nothing_is_left_to_it),
        DRIVE_TEST(who_cannot_serve_is_not_wanted),
        DRIVE_TEST(the_sentry_is_interrupted_when_somebody_comes_back),
        DRIVE_TEST(without_a_sentry_nobody_steps_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
