/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "attrs.h"
#include "clock.h"
#include "loop.h"

struct probe {
    struct loop_source source;
    struct deadline deadline;
    int events;
    int order;
    struct probe *removes; /* taken out of the loop by the callback */
};

static struct loop loop;
static int due_count;

static void on_events(struct loop_source *source, uint32_t events)
{
    struct probe *probe = CONTAINER_OF(source, struct probe, source);

    (void)events;
    probe->events++;
    if (probe->removes != NULL)
        loop_remove(&loop, &probe->removes->source);
}

static void on_deadline(struct deadline *deadline)
{
    CONTAINER_OF(deadline, struct probe, deadline)->order = ++due_count;
}

static int set_up(void **state)
{
    (void)state;
    due_count = 0;
    return loop_init(&loop);
}

static int tear_down(void **state)
{
    (void)state;
    loop_fini(&loop);
    return 0;
}

static void probe_open(struct probe *probe)
{
    *probe = (struct probe){.source = {.fd = eventfd(1, EFD_NONBLOCK), .on_events = on_events}};
    assert_int_equal(loop_add(&loop, &probe->source, EPOLLIN), 0);
}

/* A callback may end another source whose event is in the same batch: it must not be called any more. */
static void removed_sources_are_not_called(void **state)
{
    struct probe a, b;

    (void)state;
    probe_open(&a);
    probe_open(&b);
    a.removes = &b;
    b.removes = &a;
    assert_true(loop_wait(&loop, true));
    assert_int_equal(loop.event_count, 2);
    while (loop_dispatch(&loop))
        ;
    assert_int_equal(a.events + b.events, 1);
    close(a.source.fd);
    close(b.source.fd);
}

static void one_event_a_dispatch(void **state)
{
    struct probe a, b;

    (void)state;
    probe_open(&a);
    probe_open(&b);
    assert_true(loop_wait(&loop, true));
    assert_true(loop_dispatch(&loop));
    assert_int_equal(a.events + b.events, 1);
    assert_true(loop_wait(&loop, true)); /* what is left over comes before waiting */
    assert_true(loop_dispatch(&loop));
    assert_int_equal(a.events + b.events, 2);
    assert_false(loop_dispatch(&loop));
    close(a.source.fd);
    close(b.source.fd);
}

static void on_events_repeatedly(struct loop_source *source, uint32_t events)
{
    CONTAINER_OF(source, struct probe, source)->events++;
    loop_repeat(&loop, source, events);
}

/* A listener among connections that all have something to do is asked again as often as in a calm moment. */
static void a_full_batch_has_room_for_repeats(void **state)
{
    struct probe probes[LOOP_BATCH];

    (void)state;
    for (int i = 0; i < LOOP_BATCH; i++)
        probe_open(&probes[i]);
    probes[0].source.on_events = on_events_repeatedly;
    assert_true(loop_wait(&loop, true));
    assert_int_equal(loop.event_count, LOOP_BATCH);
    while (loop_dispatch(&loop))
        ;
    assert_int_equal(probes[0].events, 1 + LOOP_REPEATS);
    for (int i = 1; i < LOOP_BATCH; i++)
        assert_int_equal(probes[i].events, 1);
    for (int i = 0; i < LOOP_BATCH; i++)
        close(probes[i].source.fd);
}

/* Waits until `count` deadlines have passed; there is nothing else that could end a wait. */
static void wait_for_deadlines(int count)
{
    while (due_count < count)
        assert_false(loop_wait(&loop, true));
}

static void deadlines_come_in_order(void **state)
{
    struct deadline_queue near, far;
    struct probe probes[3] = {{.order = 0}};

    (void)state;
    deadline_queue_init(&loop, &near, 2000, on_deadline);
    deadline_queue_init(&loop, &far, 8000, on_deadline);
    deadline_set(&loop, &far, &probes[0].deadline);
    deadline_set(&loop, &near, &probes[1].deadline);
    deadline_set(&loop, &near, &probes[2].deadline);
    wait_for_deadlines(3);
    assert_int_equal(probes[1].order, 1);
    assert_int_equal(probes[2].order, 2);
    assert_int_equal(probes[0].order, 3);
    assert_true(clock_now_us() >= probes[0].deadline.expires_us);
}

static void deadlines_move_and_go(void **state)
{
    struct deadline_queue near, far, never;
    struct probe kept = {.order = 0}, cleared = {.order = 0}, unset = {.order = 0};

    (void)state;
    deadline_queue_init(&loop, &near, 1000, on_deadline);
    deadline_queue_init(&loop, &far, 4000, on_deadline);
    deadline_queue_init(&loop, &never, 0, on_deadline);
    deadline_set(&loop, &near, &kept.deadline);
    deadline_set(&loop, &far, &kept.deadline); /* moves it */
    deadline_set(&loop, &near, &cleared.deadline);
    deadline_clear(&cleared.deadline);
    deadline_set(&loop, &never, &unset.deadline);
    wait_for_deadlines(1);
    assert_int_equal(kept.order, 1);
    assert_int_equal(cleared.order, 0);
    assert_false(list_has_node(&unset.deadline.node));
}

/* Exclusive sources are added like others. */
static void exclusive_sources(void **state)
{
    struct probe probe = {.source = {.fd = eventfd(1, EFD_NONBLOCK), .on_events = on_events}};

    (void)state;
    assert_int_equal(loop_add(&loop, &probe.source, EPOLLIN | EPOLLEXCLUSIVE), 0);
    assert_true(loop_wait(&loop, true));
    assert_true(loop_dispatch(&loop));
    assert_int_equal(probe.events, 1);
    loop_remove(&loop, &probe.source);
    assert_false(loop_wait(&loop, false));
    close(probe.source.fd);
}

/* Far enough away that a wait that lasts so long has failed to end. */
static void set_far_deadline(struct deadline_queue *queue, struct probe *probe)
{
    deadline_queue_init(&loop, queue, 20000000, on_deadline);
    deadline_set(&loop, queue, &probe->deadline);
}

static void an_interrupt_since_the_last_return_ends_the_wait(void **state)
{
    struct deadline_queue far;
    struct probe limit = {.order = 0};

    (void)state;
    set_far_deadline(&far, &limit);
    assert_false(loop_wait(&loop, false));
    loop_interrupt(&loop);
    loop_wait(&loop, true);
    assert_int_equal(due_count, 0);
    assert_int_equal(atomic_load(&loop.waits), 1);
}

/* The driver looks at the world when loop_wait has returned. */
static void an_interrupt_before_the_last_return_is_over(void **state)
{
    struct deadline_queue near;
    struct probe probe = {.order = 0};

    (void)state;
    loop_interrupt(&loop);
    assert_false(loop_wait(&loop, false));
    deadline_queue_init(&loop, &near, 3000, on_deadline);
    deadline_set(&loop, &near, &probe.deadline);
    assert_false(loop_wait(&loop, true)); /* lasts until the deadline */
    assert_int_equal(due_count, 1);
    assert_int_equal(atomic_load(&loop.waits), 1);
}

static _Atomic(uint32_t) waiting_flag;

static void *interrupt_when_waiting(void *result)
{
    while (atomic_load(&loop.is_waiting) == 0 || atomic_load(&waiting_flag) == 0)
        sched_yield();
    loop_interrupt(&loop);
    return result;
}

static void an_interrupt_ends_a_wait(void **state)
{
    struct deadline_queue far;
    struct probe limit = {.order = 0};
    pthread_t other;

    (void)state;
    set_far_deadline(&far, &limit);
    loop.waiting_flag = &waiting_flag;
    for (int i = 1; i <= 3; i++) { /* the descriptor behind it is never read */
        assert_int_equal(pthread_create(&other, NULL, interrupt_when_waiting, NULL), 0);
        loop_wait(&loop, true);
        assert_int_equal(due_count, 0);
        pthread_join(other, NULL);
        assert_int_equal(atomic_load(&waiting_flag) + atomic_load(&loop.is_waiting), 0);
        assert_false(loop_dispatch(&loop)); /* it is no event of anybody's */
    }
}

static void waits_can_be_limited(void **state)
{
    struct deadline_queue far;
    struct probe limit = {.order = 0};

    (void)state;
    loop.longest_wait_us = 2000;
    assert_false(loop_wait(&loop, true));
    set_far_deadline(&far, &limit);
    assert_false(loop_wait(&loop, true));
    assert_int_equal(due_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(removed_sources_are_not_called, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_event_a_dispatch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_batch_has_room_for_repeats, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deadlines_come_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deadlines_move_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(exclusive_sources, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_interrupt_since_the_last_return_ends_the_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_interrupt_before_the_last_return_is_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_interrupt_ends_a_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waits_can_be_limited, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
