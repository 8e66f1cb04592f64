/* SPDX-License-Identifier: MIT
 * What the master makes of what it is told: everybody speaks for himself, and nothing that is said makes it spin. */
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "log.h"
#include "master_priv.h"
#include "notice.h"
#include "unit.h"

enum { WORKERS = 2 };

static const struct config config = {.workers = WORKERS, .threads = 1, .graceful_timeout_ms = 30000};

/* A master with a zygote and two workers that are ready, as far as it knows; ends[n] is the end of slot n. */
static void make_master(struct master *master, int ends[WORKERS + 1])
{
    *master = (struct master){.config = &config};
    assert_int_equal(crew_init(&master->crew, WORKERS, true, 0), 0);
    for (int number = 0; number <= WORKERS; number++) {
        struct slot *slot = &master->crew.slots[number];
        int pair[2];

        assert_int_equal(notice_open_channel(pair), 0);
        ends[number] = pair[1];
        slot_order(slot, (uint64_t)number + 10, pair[0], 0, 0);
        slot_begin(slot, 1000000000 + number);
        slot_become_ready(slot, 0);
    }
}

static void unmake_master(struct master *master, int ends[WORKERS + 1])
{
    crew_fini(&master->crew);
    for (int number = 0; number <= WORKERS; number++)
        close(ends[number]);
}

static void tell(int channel_fd, enum notice_kind kind, int number)
{
    notice_send(channel_fd, kind, number, (uint64_t)number + 10, 1000000000 + number);
}

static void test_a_worker_speaks_for_itself(void **state)
{
    struct master master;
    int ends[WORKERS + 1];

    (void)state;
    make_master(&master, ends);
    tell(ends[2], NOTICE_DRAINING, 1);
    tell(ends[2], NOTICE_BOOT_FAILED, 0);
    tell(ends[0], NOTICE_DRAINING, 1);
    supervise_read_notices(&master);
    assert_int_equal(master.crew.slots[0].state, SLOT_READY);
    assert_int_equal(master.crew.slots[1].state, SLOT_READY);
    tell(ends[1], NOTICE_DRAINING, 1);
    supervise_read_notices(&master);
    assert_int_equal(master.crew.slots[1].state, SLOT_DRAINING);
    assert_int_equal(master.crew.slots[2].state, SLOT_READY);
    unmake_master(&master, ends);
}

static void test_births_are_told_by_the_zygote(void **state)
{
    struct master master;
    int ends[WORKERS + 1];

    (void)state;
    make_master(&master, ends);
    slot_cancel(&master.crew.slots[1], 0);
    slot_order(&master.crew.slots[1], 11, -1, 0, 0);
    tell(ends[2], NOTICE_SPAWN_FAILED, 1);
    tell(ends[0], NOTICE_SPAWN_FAILED, 2); /* is there already */
    tell(ends[0], NOTICE_SPAWN_FAILED, 0);
    supervise_read_notices(&master);
    assert_int_equal(master.crew.slots[0].state, SLOT_READY);
    assert_int_equal(master.crew.slots[1].state, SLOT_ORDERED);
    assert_int_equal(master.crew.slots[2].state, SLOT_READY);
    tell(ends[0], NOTICE_SPAWN_FAILED, 1);
    supervise_read_notices(&master);
    assert_int_equal(master.crew.slots[1].state, SLOT_EMPTY);
    unmake_master(&master, ends);
}

static void test_rubbish_changes_nothing(void **state)
{
    struct notice odd = {.number = INT32_MAX, .kind = NOTICE_DRAINING};
    struct master master;
    int ends[WORKERS + 1];

    (void)state;
    make_master(&master, ends);
    for (int i = 0; i < 100; i++) {
        odd.number = -odd.number;
        assert_int_equal(send(ends[2], &odd, sizeof(odd), 0), sizeof(odd));
        assert_int_equal(send(ends[2], "x", 1, 0), 1);
    }
    supervise_read_notices(&master);
    for (int number = 0; number <= WORKERS; number++)
        assert_int_equal(master.crew.slots[number].state, SLOT_READY);
    tell(ends[2], NOTICE_DRAINING, 2);
    supervise_read_notices(&master);
    assert_int_equal(master.crew.slots[2].state, SLOT_DRAINING);
    unmake_master(&master, ends);
}

/* It would be readable for ever. */
static void test_who_hangs_up_is_listened_to_no_more(void **state)
{
    struct master master;
    int ends[WORKERS + 1];

    (void)state;
    make_master(&master, ends);
    tell(ends[2], NOTICE_DRAINING, 2);
    assert_int_equal(shutdown(ends[2], SHUT_RDWR), 0);
    supervise_read_notices(&master);
    assert_int_equal(master.crew.slots[2].state, SLOT_DRAINING);
    assert_int_equal(master.crew.slots[2].control_fd, -1);
    assert_true(master.crew.slots[1].control_fd >= 0);
    unmake_master(&master, ends);
}

/* What it says until it has ended counts. */
static void test_who_was_told_to_end_hears_it_and_may_speak(void **state)
{
    struct master master;
    int ends[WORKERS + 1];
    char byte;

    (void)state;
    make_master(&master, ends);
    supervise_drain_all(&master);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    assert_int_equal(read(ends[1], &byte, 1), 0);
    slot_cancel(&master.crew.slots[1], 0);
    slot_order(&master.crew.slots[1], 11, -1, 0, 0);
    tell(ends[0], NOTICE_SPAWN_FAILED, 1);
    supervise_read_notices(&master);
    assert_int_equal(master.crew.slots[1].state, SLOT_EMPTY);
    unmake_master(&master, ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_worker_speaks_for_itself),
        cmocka_unit_test(test_births_are_told_by_the_zygote),
        cmocka_unit_test(test_rubbish_changes_nothing),
        cmocka_unit_test(test_who_hangs_up_is_listened_to_no_more),
        cmocka_unit_test(test_who_was_told_to_end_hears_it_and_may_speak),
    };

    log_set_role("test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
