/* SPDX-License-Identifier: MIT */
#include "shared_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"

#define SOMEBODY_WAITS 0x80000000U

/* Then the holder is looked at again: its death wakes nobody. */
enum { LOOK_US = 10000, STAT_BYTES = 256 };

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
    int thread = (int)(word & ~SOMEBODY_WAITS), saved = errno;
    bool result = (syscall(SYS_tkill, thread, 0) < 0 && errno != EPERM) || is_zombie(thread);

    errno = saved;
    return result;
}

static void wait_for_change(struct shared_lock *lock, uint32_t word)
{
    const struct timespec timeout = {.tv_nsec = LOOK_US * 1000L};
    int saved = errno;

    if ((word & SOMEBODY_WAITS) != 0 || atomic_compare_exchange_strong(&lock->word, &word, word | SOMEBODY_WAITS))
        syscall(SYS_futex, &lock->word, FUTEX_WAIT, word | SOMEBODY_WAITS, &timeout, NULL, 0);
    errno = saved;
}

void shared_lock_take(struct shared_lock *lock, int64_t patience_us)
{
    uint32_t own = (uint32_t)syscall(SYS_gettid), word = 0;
    int64_t end_us;

    if (atomic_compare_exchange_strong(&lock->word, &word, own))
        return;
    end_us = clock_now_us() + patience_us;
    for (;;) {
        word = atomic_load(&lock->word);
        /* There may be more who wait. */
        if ((word == 0 || is_dead(word) || clock_now_us() >= end_us) &&
            atomic_compare_exchange_strong(&lock->word, &word, own | SOMEBODY_WAITS))
            return;
        if (word != 0)
            wait_for_change(lock, word);
    }
}

void shared_lock_release(struct shared_lock *lock)
{
    uint32_t own = (uint32_t)syscall(SYS_gettid), word = own;
    int saved = errno;

    if (atomic_compare_exchange_strong(&lock->word, &word, 0))
        return;
    if (word == (own | SOMEBODY_WAITS) && atomic_compare_exchange_strong(&lock->word, &word, 0))
        syscall(SYS_futex, &lock->word, FUTEX_WAKE, 1, NULL, NULL, 0);
    errno = saved;
}
