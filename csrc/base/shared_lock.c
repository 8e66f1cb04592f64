/* SPDX-License-Identifier: MIT */
#include "shared_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"

/* The word: the holder's thread id, which Linux keeps below 2^22; the second in which it was taken, modulo 512; whether
 * somebody waits. Nonsense in it grows old like everything else. */
#define SOMEBODY_WAITS 0x80000000U
enum { THREAD_BITS = 22, THREAD_MASK = (1 << THREAD_BITS) - 1, SECOND_MASK = 511 };

/* Then the holder is looked at: its death wakes nobody. Not before, for that costs more than most waiting. */
enum { LOOK_US = 10000, STAT_BYTES = 256 };

/* The calling thread's id; 0: not asked yet. */
static _Thread_local uint32_t own_thread;

static void forget_thread(void)
{
    own_thread = 0;
}

static uint32_t thread_id(void)
{
    static atomic_bool is_registered; /* a process has it from its parent */

    if (own_thread != 0)
        return own_thread;
    if (!atomic_load(&is_registered)) {
        if (pthread_atfork(NULL, NULL, forget_thread) != 0)
            return (uint32_t)syscall(SYS_gettid);
        atomic_store(&is_registered, true);
    }
    own_thread = (uint32_t)syscall(SYS_gettid);
    return own_thread;
}

static uint32_t second_of(int64_t now_us)
{
    return (uint32_t)(now_us / 1000000) & SECOND_MASK;
}

static bool is_stale(uint32_t word, int64_t now_us)
{
    return ((second_of(now_us) - (word >> THREAD_BITS)) & SECOND_MASK) >= SHARED_LOCK_STALE_S;
}

/* Dead but not reaped: perhaps by the very process that waits here. */
static bool is_zombie(int thread)
{
    char path[32], text[STAT_BYTES];
    const char *behind_name;
    int fd;
    ssize_t len;

    snprintf(path, sizeof(path), "/proc/%d/stat", thread);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    len = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
    fd_close(&fd);
    text[len > 0 ? len : 0] = '\0';
    behind_name = strrchr(text, ')');
    return behind_name != NULL && (strncmp(behind_name, ") Z", 3) == 0 || strncmp(behind_name, ") X", 3) == 0);
}

static bool is_dead(uint32_t word)
{
    int thread = (int)(word & THREAD_MASK), saved = errno;
    bool result = (syscall(SYS_tkill, thread, 0) < 0 && errno != EPERM) || is_zombie(thread);

    errno = saved;
    return result;
}

/* Returns whether nothing has changed for so long that the holder is to be looked at. */
static bool wait_for_change(struct shared_lock *lock, uint32_t word, int64_t patience_us)
{
    const struct timespec timeout = {.tv_nsec = (patience_us < LOOK_US ? patience_us : LOOK_US) * 1000L};
    int saved = errno;
    bool is_long = false;

    if ((word & SOMEBODY_WAITS) != 0 || atomic_compare_exchange_strong(&lock->word, &word, word | SOMEBODY_WAITS))
        is_long = syscall(SYS_futex, &lock->word, FUTEX_WAIT, word | SOMEBODY_WAITS, &timeout, NULL, 0) < 0 &&
                  errno == ETIMEDOUT;
    errno = saved;
    return is_long;
}

/* The calling thread's word, as of now. */
static uint32_t own_word(int64_t now_us)
{
    return thread_id() | second_of(now_us) << THREAD_BITS;
}

uint32_t shared_lock_try(struct shared_lock *lock)
{
    uint32_t own = own_word(clock_now_us()), word = 0;

    return atomic_compare_exchange_strong(&lock->word, &word, own) ? own : 0;
}

uint32_t shared_lock_take(struct shared_lock *lock, int64_t patience_us)
{
    int64_t now_us = clock_now_us(), end_us = now_us + patience_us;
    uint32_t own = shared_lock_try(lock), word;
    bool has_waited = patience_us <= 0;

    if (own != 0)
        return own;
    for (;;) {
        word = atomic_load(&lock->word);
        now_us = clock_now_us();
        own = own_word(now_us);
        /* There may be more who wait. */
        if ((word == 0 || is_stale(word, now_us) || (has_waited && is_dead(word))) &&
            atomic_compare_exchange_strong(&lock->word, &word, own | SOMEBODY_WAITS))
            return own;
        if (now_us >= end_us)
            return 0;
        if (word != 0)
            has_waited = wait_for_change(lock, word, end_us - now_us);
    }
}

bool shared_lock_is_held(const struct shared_lock *lock, uint32_t mark)
{
    return (atomic_load(&lock->word) & ~SOMEBODY_WAITS) == mark;
}

void shared_lock_release(struct shared_lock *lock, uint32_t mark)
{
    uint32_t word = mark;
    int saved = errno;

    if (atomic_compare_exchange_strong(&lock->word, &word, 0))
        return;
    if (word == (mark | SOMEBODY_WAITS) && atomic_compare_exchange_strong(&lock->word, &word, 0))
        syscall(SYS_futex, &lock->word, FUTEX_WAKE, 1, NULL, NULL, 0);
    errno = saved;
}
