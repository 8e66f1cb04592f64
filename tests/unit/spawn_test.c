/* SPDX-License-Identifier: MIT
 * Orders that the zygote does not take: they say nothing about the worker that was to be. */
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "master_priv.h"
#include "notice.h"
#include "unit.h"

enum { WORKERS = 1000 };

/* Of the first generation: worker `number` is in row number - 1; 0: the zygote. */
static struct slot *slot_of(const struct master *master, int number)
{
    return number > 0 ? &master->crew.slots[number - 1] : crew_find_zygote(&master->crew, 1);
}

static void make_crew(struct master *master)
{
    assert_int_equal(crew_init(&master->crew, WORKERS, true), 0);
    master->generation = 1;
    for (int number = 0; number <= WORKERS; number++)
        assert_non_null(crew_add(&master->crew, number, 1, 0));
}

/* A master with a zygote that is ready, as far as it knows; returns the zygote's end of the channel. */
static int make_master(struct master *master, const struct config *config)
{
    int ends[2];

    *master = (struct master){.config = config};
    make_crew(master);
    assert_int_equal(notice_open_channel(ends), 0);
    slot_order(slot_of(master, 0), 1, ends[0], 0, 0);
    slot_begin(slot_of(master, 0), getpid());
    slot_become_ready(slot_of(master, 0), 0);
    return ends[1];
}

static void assert_put_off(const struct slot *slot)
{
    assert_int_equal(slot->state, SLOT_EMPTY);
    assert_int_equal(slot->control_fd, -1);
    assert_true(slot->start_us > 0);
    assert_false(slot->has_failed);
    assert_int_equal(slot->failures, 0);
}

/* Its death has not been reaped yet. The mistake, if there is one, is not that of the workers: with the next zygote
 * they start, and the server does not give up. */
static void test_a_dead_zygote_is_no_failure_of_workers(void **state)
{
    const struct config config = {.workers = WORKERS};
    struct master master;

    (void)state;
    close(make_master(&master, &config));
    for (int number = 1; number <= WORKERS; number++) {
        spawn_slot(&master, slot_of(&master, number));
        assert_put_off(slot_of(&master, number));
    }
    assert_false(crew_is_hopeless(&master.crew, 1));
    crew_fini(&master.crew);
}

/* It died with orders unread. */
static void test_a_zygote_dead_with_orders_is_no_failure_of_workers(void **state)
{
    const struct config config = {.workers = WORKERS};
    struct master master;
    int channel_fd;

    (void)state;
    channel_fd = make_master(&master, &config);
    spawn_slot(&master, slot_of(&master, 1));
    assert_int_equal(slot_of(&master, 1)->state, SLOT_ORDERED);
    close(channel_fd);
    for (int number = 2; number <= 4; number++) {
        spawn_slot(&master, slot_of(&master, number));
        assert_put_off(slot_of(&master, number));
    }
    crew_fini(&master.crew);
}

/* The channel's end comes before the news of the death. */
static void test_a_zygote_without_channel_is_no_failure_of_workers(void **state)
{
    const struct config config = {.workers = WORKERS};
    struct master master;

    (void)state;
    close(make_master(&master, &config));
    hear_children(&master);
    assert_int_equal(slot_of(&master, 0)->control_fd, -1);
    for (int number = 1; number <= WORKERS; number++) {
        spawn_slot(&master, slot_of(&master, number));
        assert_put_off(slot_of(&master, number));
    }
    assert_false(crew_is_hopeless(&master.crew, 1));
    crew_fini(&master.crew);
}

static void test_more_orders_than_fit_are_put_off(void **state)
{
    const struct config config = {.workers = WORKERS};
    struct master master;
    const int room_bytes = 65536; /* whatever is usual on this machine */
    int channel_fd, number = 1;

    (void)state;
    channel_fd = make_master(&master, &config);
    assert_int_equal(
        setsockopt(slot_of(&master, 0)->control_fd, SOL_SOCKET, SO_SNDBUF, &room_bytes, sizeof(room_bytes)), 0);
    while (number < WORKERS) {
        spawn_slot(&master, slot_of(&master, number));
        if (slot_of(&master, number)->state != SLOT_ORDERED)
            break;
        number++;
    }
    assert_true(number > 1 && number < WORKERS);
    assert_put_off(slot_of(&master, number));
    close(channel_fd);
    crew_fini(&master.crew);
}

/* Whoever has taken over the zygote may claim anything; the master, often root, would send signals to it. */
static void test_strangers_are_no_workers(void **state)
{
    const pid_t strangers[] = {1, 0, -1, getpid(), getppid(), INT32_MAX};
    const struct config config = {.workers = WORKERS};
    struct master master;
    struct slot *slot;

    (void)state;
    close(make_master(&master, &config));
    slot = slot_of(&master, 1);
    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
        slot_order(slot, 7, -1, 0, 0);
        spawn_note_pid(&master, slot, strangers[i]);
        assert_int_equal(slot->state, SLOT_EMPTY);
        assert_int_equal(slot->pid, 0);
    }
    crew_fini(&master.crew);
}

static void test_children_are_workers(void **state)
{
    const struct config config = {.workers = WORKERS};
    struct master master;
    struct slot *slot;
    pid_t child;

    (void)state;
    close(make_master(&master, &config));
    slot = slot_of(&master, 1);
    slot_order(slot, 7, -1, 0, 0);
    child = fork();
    if (child == 0)
        _exit(0);
    spawn_note_pid(&master, slot, child);
    assert_int_equal(slot->state, SLOT_STARTING);
    assert_int_equal(slot->pid, child);
    slot_order(slot_of(&master, 2), 8, -1, 0, 0);
    spawn_note_pid(&master, slot_of(&master, 2), child); /* but one worker each */
    assert_int_equal(slot_of(&master, 2)->state, SLOT_EMPTY);
    assert_int_equal(waitpid(child, NULL, 0), child);
    crew_fini(&master.crew);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_dead_zygote_is_no_failure_of_workers),
        cmocka_unit_test(test_a_zygote_dead_with_orders_is_no_failure_of_workers),
        cmocka_unit_test(test_a_zygote_without_channel_is_no_failure_of_workers),
        cmocka_unit_test(test_more_orders_than_fit_are_put_off),
        cmocka_unit_test(test_strangers_are_no_workers),
        cmocka_unit_test(test_children_are_workers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
