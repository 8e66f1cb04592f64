/* SPDX-License-Identifier: MIT
 * What the master makes of what it is told: everybody speaks for himself, nothing that is said makes it spin, and
 * it signals nobody but its own. */
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "config.h"
#include "generation.h"
#include "log.h"
#include "master_priv.h"
#include "notice.h"
#include "scoreboard.h"
#include "unit.h"

enum { WORKERS = 2 };

static const struct config config = {.workers = WORKERS, .threads = 1, .graceful_timeout_ms = 30000};

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

/* A master with a zygote and two workers that are ready, as far as it knows; ends[n] is the end of slot n. */
static void make_master(struct master *master, int ends[WORKERS + 1])
{
    *master = (struct master){.config = &config, .scoreboard = scoreboard_new(WORKERS, 1)};
    make_crew(master);
    for (int number = 0; number <= WORKERS; number++) {
        struct slot *slot = slot_of(master, number);
        int pair[2];

        assert_int_equal(notice_open_channel(pair), 0);
        ends[number] = pair[1];
        slot_order(slot, (uint64_t)number + 10, pair[0], 0, 0);
        slot_begin(slot, 1000000000 + number);
        slot_become_ready(slot, 0);
        if (slot->state == SLOT_HELD)
            slot_let_go(slot);
    }
}

static void unmake_master(struct master *master, int ends[WORKERS + 1])
{
    crew_fini(&master->crew);
    scoreboard_free(master->scoreboard);
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
    hear_children(&master);
    assert_int_equal(slot_of(&master, 0)->state, SLOT_READY);
    assert_int_equal(slot_of(&master, 1)->state, SLOT_READY);
    tell(ends[1], NOTICE_DRAINING, 1);
    hear_children(&master);
    assert_int_equal(slot_of(&master, 1)->state, SLOT_DRAINING);
    assert_int_equal(slot_of(&master, 2)->state, SLOT_READY);
    unmake_master(&master, ends);
}

static void test_births_are_told_by_the_zygote(void **state)
{
    struct master master;
    int ends[WORKERS + 1];

    (void)state;
    make_master(&master, ends);
    slot_cancel(slot_of(&master, 1), 0);
    slot_order(slot_of(&master, 1), 11, -1, 0, 0);
    tell(ends[2], NOTICE_SPAWN_FAILED, 1);
    tell(ends[0], NOTICE_SPAWN_FAILED, 2); /* is there already */
    tell(ends[0], NOTICE_SPAWN_FAILED, 0);
    hear_children(&master);
    assert_int_equal(slot_of(&master, 0)->state, SLOT_READY);
    assert_int_equal(slot_of(&master, 1)->state, SLOT_ORDERED);
    assert_int_equal(slot_of(&master, 2)->state, SLOT_READY);
    tell(ends[0], NOTICE_SPAWN_FAILED, 1);
    hear_children(&master);
    assert_int_equal(slot_of(&master, 1)->state, SLOT_EMPTY);
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
    hear_children(&master);
    for (int number = 0; number <= WORKERS; number++)
        assert_int_equal(slot_of(&master, number)->state, SLOT_READY);
    tell(ends[2], NOTICE_DRAINING, 2);
    hear_children(&master);
    assert_int_equal(slot_of(&master, 2)->state, SLOT_DRAINING);
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
    hear_children(&master);
    assert_int_equal(slot_of(&master, 2)->state, SLOT_DRAINING);
    assert_int_equal(slot_of(&master, 2)->control_fd, -1);
    assert_true(slot_of(&master, 1)->control_fd >= 0);
    unmake_master(&master, ends);
}

/* What it says until it has ended counts. */
static void test_who_was_told_to_end_hears_it_and_may_speak(void **state)
{
    struct master master;
    struct notice_logs logs;
    int ends[WORKERS + 1];

    (void)state;
    make_master(&master, ends);
    supervise_drain_all(&master);
    assert_int_equal(notice_take_word(ends[0], &logs), NOTICE_END);
    assert_int_equal(notice_take_word(ends[1], &logs), NOTICE_END);
    slot_cancel(slot_of(&master, 1), 0);
    slot_order(slot_of(&master, 1), 11, -1, 0, 0);
    tell(ends[0], NOTICE_SPAWN_FAILED, 1);
    hear_children(&master);
    assert_int_equal(slot_of(&master, 1)->state, SLOT_EMPTY);
    unmake_master(&master, ends);
}

/* --- The application asks for a reload --- */

static int64_t asked_reloads(const struct master *master)
{
    return (int64_t)board_reload_read(&master->scoreboard->totals->reload).asked;
}

static void ask_for_reloads(struct master *master, int channel_fd)
{
    slot_of(master, 1)->ready_us = 1;
    for (int i = 0; i < 100; i++)
        tell(channel_fd, NOTICE_ASK_RELOAD, 1);
    hear_children(master);
    generation_step(master);
}

static void test_a_worker_cannot_have_reloads_without_end(void **state)
{
    struct config with_module = config;
    struct master master;
    int ends[WORKERS + 1];
    int64_t now_us = clock_now_us();

    (void)state;
    with_module.uwsgi_module = true;
    make_master(&master, ends);
    master.config = &with_module;
    ask_for_reloads(&master, ends[1]);
    assert_int_equal(asked_reloads(&master), 1);
    assert_true(generation_next_us(&master) == SLOT_NEVER);
    for (int i = 0; i < 3; i++)
        ask_for_reloads(&master, ends[1]);
    assert_int_equal(asked_reloads(&master), 1);
    assert_true(generation_next_us(&master) >= now_us + 5000000);
    master.reload.application_us = now_us;
    generation_step(&master);
    assert_int_equal(asked_reloads(&master), 2);
    assert_true(generation_next_us(&master) == SLOT_NEVER);
    ask_for_reloads(&master, ends[1]);
    master.phase = MASTER_STOPPING;
    assert_true(generation_next_us(&master) == SLOT_NEVER);
    unmake_master(&master, ends);
}

/* What it says for want of the module is an accident, or worse. */
static void test_a_worker_without_the_module_asks_in_vain(void **state)
{
    struct master master;
    int ends[WORKERS + 1];

    (void)state;
    make_master(&master, ends);
    ask_for_reloads(&master, ends[1]);
    assert_int_equal(asked_reloads(&master), 0);
    assert_true(generation_next_us(&master) == SLOT_NEVER);
    unmake_master(&master, ends);
}

/* --- Whom the master signals --- */

/* A child that ends with 0 once `end` is closed by its parent, and otherwise waits for a signal. */
static pid_t make_child(int end[2])
{
    pid_t pid;
    char byte;

    assert_int_equal(pipe(end), 0);
    pid = fork();
    if (pid == 0) {
        close(end[1]);
        _exit(read(end[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(end[0]);
    return pid;
}

/* A child whose own child waits; *inner is that. */
static pid_t make_family(pid_t *inner, int end[2], bool reaps)
{
    int told[2];
    pid_t pid;

    assert_int_equal(pipe(told), 0);
    assert_int_equal(pipe(end), 0);
    pid = fork();
    if (pid == 0) {
        char byte;

        close(end[1]);
        *inner = fork();
        if (*inner == 0) {
            (void)!read(end[0], &byte, 1);
            _exit(0);
        }
        (void)!write(told[1], inner, sizeof(*inner));
        if (reaps)
            waitpid(*inner, NULL, 0);
        close(told[1]);
        (void)!read(end[0], &byte, 1);
        _exit(0);
    }
    close(told[1]);
    close(end[0]);
    assert_int_equal(read(told[0], inner, sizeof(*inner)), sizeof(*inner));
    if (reaps) {
        char byte;

        kill(*inner, SIGKILL);
        assert_int_equal(read(told[0], &byte, 1), 0);
    }
    close(told[0]);
    return pid;
}

/* A master with an order for worker 1. */
static struct slot *make_ordering_master(struct master *master, int ends[WORKERS + 1])
{
    struct slot *slot;

    make_master(master, ends);
    assert_int_equal(handoff_open(&master->handoff, WORKERS), 0);
    for (int number = 0; number <= WORKERS; number++)
        slot_cancel(slot_of(master, number), 0);
    slot = slot_of(master, 1);
    slot_order(slot, 11, -1, 0, 0);
    return slot;
}

static void unmake_ordering_master(struct master *master, int ends[WORKERS + 1])
{
    unmake_master(master, ends);
    handoff_close(&master->handoff);
}

/* The worker has been reaped by another, and its pid is that of somebody else by now. */
static void test_the_next_owner_of_a_pid_is_not_signalled(void **state)
{
    struct master master;
    int ends[WORKERS + 1], worker_end[2], next_end[2], wait_status;
    struct slot *slot;
    pid_t worker, next;

    (void)state;
    slot = make_ordering_master(&master, ends);
    worker = make_child(worker_end);
    spawn_note_pid(&master, slot, worker);
    assert_int_equal(slot->state, SLOT_STARTING);
    close(worker_end[1]);
    assert_int_equal(waitpid(worker, NULL, 0), worker);
    next = make_child(next_end);
    slot->pid = next;
    supervise_drain_all(&master);
    supervise_kill_all(&master);
    assert_int_equal(slot->state, SLOT_EMPTY);
    close(next_end[1]);
    assert_int_equal(waitpid(next, &wait_status, 0), next);
    assert_int_equal(wait_status, 0);
    unmake_ordering_master(&master, ends);
}

static void test_a_child_is_signalled(void **state)
{
    struct master master;
    int ends[WORKERS + 1], worker_end[2], wait_status;
    struct slot *slot;
    pid_t worker;

    (void)state;
    slot = make_ordering_master(&master, ends);
    worker = make_child(worker_end);
    spawn_note_pid(&master, slot, worker);
    supervise_kill_all(&master);
    assert_int_equal(slot->state, SLOT_KILLED);
    supervise_enforce_deadlines(&master, slot->deadline_us);
    assert_int_equal(slot->state, SLOT_KILLED);
    assert_true(slot->deadline_us == SLOT_NEVER);
    assert_int_equal(waitpid(worker, &wait_status, 0), worker);
    assert_true(WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL);
    close(worker_end[1]);
    unmake_ordering_master(&master, ends);
}

/* The application has closed its end: no other word reaches the worker. */
static void test_who_has_no_channel_is_told_to_end_by_a_signal(void **state)
{
    struct master master;
    int ends[WORKERS + 1], worker_end[2], wait_status;
    pid_t worker;

    (void)state;
    make_master(&master, ends);
    worker = make_child(worker_end);
    slot_begin(slot_of(&master, 1), worker);
    assert_int_equal(shutdown(ends[1], SHUT_RDWR), 0);
    hear_children(&master);
    assert_int_equal(slot_of(&master, 1)->control_fd, -1);
    supervise_drain_all(&master);
    close(worker_end[1]);
    assert_int_equal(waitpid(worker, &wait_status, 0), worker);
    assert_true(WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGTERM);
    unmake_master(&master, ends);
}

/* Where a kernel has no descriptors of processes: by the pid, after another look at whose it is. */
static void test_without_a_descriptor_children_are_signalled_and_strangers_not(void **state)
{
    struct master master;
    int ends[WORKERS + 1], worker_end[2], wait_status;
    struct slot *slot;
    pid_t worker;

    (void)state;
    slot = make_ordering_master(&master, ends);
    slot_begin(slot, getppid());
    slot_order(slot_of(&master, 2), 12, -1, 0, 0);
    worker = make_child(worker_end);
    slot_begin(slot_of(&master, 2), worker);
    supervise_kill_all(&master);
    assert_int_equal(slot->state, SLOT_EMPTY);
    assert_int_equal(slot_of(&master, 2)->state, SLOT_KILLED);
    assert_int_equal(waitpid(worker, &wait_status, 0), worker);
    assert_true(WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL);
    close(worker_end[1]);
    unmake_ordering_master(&master, ends);
}

/* The zygote's own child, say, which it has told of as a worker: nobody will ever tell us that it has ended. */
static void test_who_is_no_child_does_not_hold_its_slot(void **state)
{
    for (int reaps = 0; reaps <= 1; reaps++) {
        struct master master;
        int ends[WORKERS + 1], end[2];
        struct slot *slot;
        pid_t outer, inner;

        (void)state;
        slot = make_ordering_master(&master, ends);
        outer = make_family(&inner, end, reaps);
        if (reaps)
            slot_begin(slot, inner);
        else
            spawn_note_pid(&master, slot, inner);
        assert_int_equal(slot->state, SLOT_STARTING);
        supervise_kill_all(&master);
        if (!reaps) {
            assert_int_equal(slot->state, SLOT_KILLED);
            supervise_enforce_deadlines(&master, slot->deadline_us);
        }
        assert_int_equal(slot->state, SLOT_EMPTY);
        assert_true(crew_is_empty(&master.crew));
        close(end[1]);
        assert_int_equal(waitpid(outer, NULL, 0), outer);
        unmake_ordering_master(&master, ends);
    }
}

/* --- Where it cannot be told whose process it is, for want of /proc --- */

/* It has died before anybody could look. */
static void test_the_death_of_one_that_was_only_told_of(void **state)
{
    struct master master;
    int ends[WORKERS + 1], end[2];
    struct slot *slot;
    siginfo_t info;
    pid_t worker;

    (void)state;
    slot = make_ordering_master(&master, ends);
    worker = make_child(end);
    slot->told_pid = worker;
    kill(worker, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)worker, &info, WEXITED | WNOWAIT), 0);
    supervise_reap(&master);
    assert_int_equal(slot->state, SLOT_EMPTY);
    assert_true(slot->has_failed);
    assert_int_equal(slot->told_pid, 0);
    close(end[1]);
    unmake_ordering_master(&master, ends);
}

static void test_the_end_of_one_that_was_only_told_of(void **state)
{
    struct master master;
    int ends[WORKERS + 1], end[2], wait_status;
    struct slot *slot;
    pid_t worker;

    (void)state;
    slot = make_ordering_master(&master, ends);
    worker = make_child(end);
    slot->told_pid = worker;
    supervise_kill_all(&master);
    assert_int_equal(slot->state, SLOT_KILLED);
    assert_int_equal(waitpid(worker, &wait_status, 0), worker);
    assert_true(WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL);
    close(end[1]);
    unmake_ordering_master(&master, ends);

    /* It has gone. */
    slot = make_ordering_master(&master, ends);
    slot->told_pid = worker;
    supervise_kill_all(&master);
    assert_int_equal(slot->state, SLOT_EMPTY);
    unmake_ordering_master(&master, ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_worker_speaks_for_itself),
        cmocka_unit_test(test_births_are_told_by_the_zygote),
        cmocka_unit_test(test_rubbish_changes_nothing),
        cmocka_unit_test(test_who_hangs_up_is_listened_to_no_more),
        cmocka_unit_test(test_who_was_told_to_end_hears_it_and_may_speak),
        cmocka_unit_test(test_a_worker_cannot_have_reloads_without_end),
        cmocka_unit_test(test_a_worker_without_the_module_asks_in_vain),
        cmocka_unit_test(test_the_next_owner_of_a_pid_is_not_signalled),
        cmocka_unit_test(test_a_child_is_signalled),
        cmocka_unit_test(test_who_has_no_channel_is_told_to_end_by_a_signal),
        cmocka_unit_test(test_without_a_descriptor_children_are_signalled_and_strangers_not),
        cmocka_unit_test(test_who_is_no_child_does_not_hold_its_slot),
        cmocka_unit_test(test_the_death_of_one_that_was_only_told_of),
        cmocka_unit_test(test_the_end_of_one_that_was_only_told_of),
    };

    log_set_role("test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
