/* SPDX-License-Identifier: MIT
 * A worker whose time is over writes its stacks before it is killed: the master waits for them, and not for ever. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "master_priv.h"
#include "scoreboard.h"
#include "slice.h"
#include "stacks.h"
#include "unit.h"

enum { SECOND_US = 1000000, LONGEST_US = 2 * SECOND_US };

static const struct config config = {.workers = 1, .threads = 1, .graceful_timeout_ms = 30000};

static void block_stacks_signal(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, STACKS_SIGNAL);
    sigprocmask(how, &set, NULL);
}

/* A master whose only worker drains, and runs a request. It takes no signal but the one that kills. */
static struct slot *make_master(struct master *master)
{
    const struct slice method = SLICE("GET"), target = SLICE("/for-ever");
    struct slot *slot;
    pid_t pid;

    *master = (struct master){.config = &config, .scoreboard = scoreboard_new(1, 1)};
    assert_int_equal(crew_init(&master->crew, 1, false), 0);
    slot = crew_add(&master->crew, 1, 1, 0);
    assert_non_null(slot);
    block_stacks_signal(SIG_BLOCK);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* after a test that has failed */
        for (;;)
            pause();
    }
    block_stacks_signal(SIG_UNBLOCK);
    slot_order(slot, 11, -1, 0, 0);
    slot_begin(slot, pid);
    slot_become_ready(slot, 1);
    slot_drain(slot, SECOND_US);
    scoreboard_begin_request(scoreboard_thread(master->scoreboard, slot->row, 0), method, target, "", "", 1);
    return slot;
}

/* It has been killed. */
static void unmake_master(struct master *master, const struct slot *slot)
{
    int wait_status;

    assert_int_equal(waitpid(slot->pid, &wait_status, 0), slot->pid);
    assert_true(WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL);
    crew_fini(&master->crew);
    scoreboard_free(master->scoreboard);
}

/* Keeps all deadlines up to a moment, as the master's loop does. */
static void pass_time(struct master *master, const struct slot *slot, int64_t until_us)
{
    while (slot->state == SLOT_DRAINING && slot->deadline_us <= until_us)
        supervise_enforce_deadlines(master, slot->deadline_us);
}

static void test_one_that_is_slow_is_waited_for(void **state)
{
    struct master master;
    struct slot *slot;

    (void)state;
    slot = make_master(&master);
    pass_time(&master, slot, SECOND_US + LONGEST_US - SECOND_US / 2);
    assert_int_equal(slot->state, SLOT_DRAINING);
    stacks_write(master.scoreboard, slot->row, SLICE("File \"a.py\""), 0, SECOND_US + 1);
    supervise_enforce_deadlines(&master, slot->deadline_us);
    assert_int_equal(slot->state, SLOT_KILLED);
    unmake_master(&master, slot);
}

static void test_one_that_shows_nothing_is_killed(void **state)
{
    struct master master;
    struct slot *slot;

    (void)state;
    slot = make_master(&master);
    /* Of another time: no answer. */
    stacks_write(master.scoreboard, slot->row, SLICE("File \"a.py\""), 0, SECOND_US - 1);
    pass_time(&master, slot, SECOND_US + LONGEST_US - 1);
    assert_int_equal(slot->state, SLOT_DRAINING);
    pass_time(&master, slot, SECOND_US + LONGEST_US + SECOND_US);
    assert_int_equal(slot->state, SLOT_KILLED);
    unmake_master(&master, slot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_that_is_slow_is_waited_for),
        cmocka_unit_test(test_one_that_shows_nothing_is_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
