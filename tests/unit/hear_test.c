/* SPDX-License-Identifier: MIT
 * What the zygote, in which the application runs as well, may say: nothing that is a worker's to say, and nobody is a
 * worker who is something else. */
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "master_priv.h"
#include "notice.h"
#include "recycle.h"
#include "scoreboard.h"
#include "unit.h"

enum { SERIAL = 10 };

static const struct config config = {.workers = 1, .threads = 1, .graceful_timeout_ms = 30000};

/* With a zygote that is ready, and has `*end`. The scoreboard has no rows: there is none to be looked at. */
static struct slot *make_master(struct master *master, int *end)
{
    struct slot *zygote;
    int pair[2];

    *master = (struct master){.config = &config, .generation = 1};
    assert_int_equal(crew_init(&master->crew, 1, true), 0);
    zygote = crew_add(&master->crew, 0, 1, 0);
    assert_non_null(zygote);
    assert_int_equal(notice_open_channel(pair), 0);
    *end = pair[1];
    slot_order(zygote, SERIAL, pair[0], 0, 0);
    slot_begin(zygote, 1000000000);
    slot_become_ready(zygote, 0);
    return zygote;
}

static void unmake_master(struct master *master, int end)
{
    crew_fini(&master->crew);
    close(end);
}

/* Nobody would ever replace it: the master would look for that again and again, without a pause. */
static void test_the_zygote_cannot_ask_to_be_replaced(void **state)
{
    struct master master;
    int end;
    struct slot *zygote = make_master(&master, &end);

    (void)state;
    assert_true(notice_ask_recycle(end, 0, SERIAL, RESTART_RSS));
    hear_children(&master);
    recycle_step(&master);
    assert_int_equal(zygote->recycle_cause, -1);
    assert_int_equal(recycle_next_us(&master), SLOT_NEVER);
    unmake_master(&master, end);
}

/* It has no requests: no row of the scoreboard is its own. */
static void test_the_zygote_is_not_stuck(void **state)
{
    struct master master;
    int end;
    struct slot *zygote = make_master(&master, &end);

    (void)state;
    slot_drain(zygote, SLOT_NEVER);
    notice_send(end, NOTICE_STUCK, 0, SERIAL, 0);
    hear_children(&master);
    assert_int_equal(zygote->state, SLOT_DRAINING);
    unmake_master(&master, end);
}

/* Its own child, but no worker: who is killed at the end is to be one. */
static void test_the_monitor_is_no_worker(void **state)
{
    struct master master;
    int end;
    struct slot *slot;

    (void)state;
    (void)make_master(&master, &end);
    slot = crew_add(&master.crew, 1, 1, 0);
    slot_order(slot, SERIAL + 1, -1, 0, 0);
    master.monitor.slot.pid = fork();
    if (master.monitor.slot.pid == 0)
        _exit(0);
    notice_send(end, NOTICE_SPAWNED, 1, SERIAL + 1, master.monitor.slot.pid);
    hear_children(&master);
    assert_int_equal(slot->state, SLOT_EMPTY);
    assert_int_equal(waitpid(master.monitor.slot.pid, NULL, 0), master.monitor.slot.pid);
    unmake_master(&master, end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_zygote_cannot_ask_to_be_replaced),
        cmocka_unit_test(test_the_zygote_is_not_stuck),
        cmocka_unit_test(test_the_monitor_is_no_worker),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
