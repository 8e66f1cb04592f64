/* SPDX-License-Identifier: MIT
 * The lock of processes that do not trust each other: exclusion, holders that die or stop, a word that is nonsense. */
#include "shared_lock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"

enum { THREAD_BITS = 22, THREAD_MASK = (1 << THREAD_BITS) - 1 }; /* as in the word */
enum { PROCESSES = 4, ROUNDS = 20000, LONG_US = 60000000, SHORT_US = 20000 };

static struct {
    struct shared_lock lock;
    volatile uint32_t count; /* not atomic: the lock is to make up for it */
} * shared;

static void count(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t mark = shared_lock_take(&shared->lock, LONG_US);

        shared->count = shared->count + 1;
        shared_lock_release(&shared->lock, mark);
    }
}

static void test_one_at_a_time(void **state)
{
    int wait_status;

    (void)state;
    for (int i = 0; i < PROCESSES; i++) {
        if (fork() == 0) {
            count();
            _exit(0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        assert_true(wait(&wait_status) > 0);
        assert_int_equal(wait_status, 0);
    }
    assert_int_equal(shared->count, PROCESSES * ROUNDS);
    assert_int_equal(shared->lock.word, 0);
}

/* Has a child take the lock; returns its pid once it has it. The child then waits for its end. */
static pid_t have_it_held(void)
{
    int ends[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        shared_lock_take(&shared->lock, LONG_US);
        (void)!write(ends[1], "x", 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void assert_to_be_had(void)
{
    uint32_t mark;

    assert_int_not_equal(shared->lock.word, 0);
    mark = shared_lock_take(&shared->lock, 0);
    assert_int_not_equal(mark, 0);
    shared_lock_release(&shared->lock, mark);
    assert_int_equal(shared->lock.word, 0);
}

static void test_the_dead_hold_nothing(void **state)
{
    (void)state;
    end(have_it_held());
    assert_to_be_had();
}

/* The master may be the one who waits, and it alone could reap. */
static void test_nor_do_those_not_yet_reaped(void **state)
{
    pid_t pid = have_it_held();
    siginfo_t info;

    (void)state;
    kill(pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_to_be_had();
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Whoever has it and lives keeps it: what two wrote at once would mix. */
static void test_patience_ends(void **state)
{
    pid_t pid = have_it_held();
    int64_t began_us = clock_now_us();

    (void)state;
    assert_int_equal(shared_lock_take(&shared->lock, SHORT_US), 0);
    assert_true(clock_now_us() - began_us >= SHORT_US);
    assert_int_equal(shared->lock.word & THREAD_MASK, (uint32_t)pid);
    end(pid);
    assert_to_be_had();
}

/* The second in which it was taken is put back. */
static void test_who_keeps_it_for_seconds_loses_it(void **state)
{
    uint32_t old = shared_lock_take(&shared->lock, 0), mark;

    (void)state;
    assert_int_equal(old & THREAD_MASK, (uint32_t)gettid());
    assert_true(shared_lock_is_held(&shared->lock, old));
    assert_int_equal(shared_lock_take(&shared->lock, 0), 0);
    old = (old & THREAD_MASK) | ((old >> THREAD_BITS) - SHARED_LOCK_STALE_S) % 512 << THREAD_BITS;
    atomic_store(&shared->lock.word, old);
    mark = shared_lock_take(&shared->lock, 0);
    assert_int_not_equal(mark, 0);
    assert_false(shared_lock_is_held(&shared->lock, old));
    shared_lock_release(&shared->lock, old);
    assert_true(shared_lock_is_held(&shared->lock, mark));
    shared_lock_release(&shared->lock, mark);
    assert_int_equal(shared->lock.word, 0);
}

/* The id of a thread is remembered, and a child has another one. */
static void test_a_child_is_somebody_else(void **state)
{
    uint32_t mark = shared_lock_take(&shared->lock, 0);
    int wait_status;
    pid_t pid;

    (void)state;
    shared_lock_release(&shared->lock, mark);
    pid = fork();
    if (pid == 0)
        _exit((shared_lock_take(&shared->lock, 0) & THREAD_MASK) != (uint32_t)gettid());
    assert_int_equal(waitpid(pid, &wait_status, 0), pid);
    assert_int_equal(wait_status, 0);
    assert_to_be_had();
}

static void test_any_word_is_survived(void **state)
{
    static const uint32_t words[] = {1, 0x7fffffff, 0x80000000, 0xffffffff, 0x80000001, 0x40000000};

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        uint32_t mark;

        atomic_store(&shared->lock.word, words[i]);
        mark = shared_lock_take(&shared->lock, (SHARED_LOCK_STALE_S + 1) * 1000000);
        assert_int_not_equal(mark, 0);
        shared_lock_release(&shared->lock, mark);
        assert_int_equal(shared->lock.word, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_the_dead_hold_nothing),
        cmocka_unit_test(test_nor_do_those_not_yet_reaped),
        cmocka_unit_test(test_patience_ends),
        cmocka_unit_test(test_who_keeps_it_for_seconds_loses_it),
        cmocka_unit_test(test_a_child_is_somebody_else),
        cmocka_unit_test(test_any_word_is_survived),
    };

    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
