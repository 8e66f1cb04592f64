/* SPDX-License-Identifier: MIT
 * For the tests of a log's reader (--wrap): what other processes do meanwhile, and what is waited for. */
#ifndef CLUTCH_LOG_READER_OTHERS_H
#define CLUTCH_LOG_READER_OTHERS_H

#include <poll.h>

#include "clock.h"
#include "log_reader.h"
#include "shared_lock.h"

int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);

static bool another_is_faster; /* whenever poll() finds room, another process takes it */
static bool waits_for_ever;

/* Adds up what is waited for the reader, without what the machine took longer than was asked for. */
static int poll_and_measure(struct pollfd *fds, nfds_t count, int timeout)
{
    int64_t began_us = clock_now_us(), asked_us = timeout * 1000LL, took_us;
    int result = __real_poll(fds, count, waits_for_ever ? -1 : timeout);

    took_us = clock_now_us() - began_us;
    if (count == 1 && fds->events == POLLOUT)
        waited_us += took_us < asked_us ? took_us : asked_us;
    return result;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    static char bytes[1 << 20];
    int result = poll_and_measure(fds, count, timeout);

    if (result > 0 && another_is_faster) {
        int flags = fcntl(pipe_fds[1], F_GETFL);

        fcntl(pipe_fds[1], F_SETFL, flags | O_NONBLOCK);
        while (write(pipe_fds[1], bytes, sizeof(bytes)) > 0)
            ;
        fcntl(pipe_fds[1], F_SETFL, flags);
    }
    return result;
}

ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);

static int held_up_ms; /* before each write: the kernel runs others */

int64_t __real_clock_now_us(void);
int64_t __wrap_clock_now_us(void);

static int64_t stopped_us; /* the time, when it is not to go by; or 0 */

int64_t __wrap_clock_now_us(void)
{
    return stopped_us != 0 ? stopped_us : __real_clock_now_us();
}

uint32_t __real_shared_lock_try(struct shared_lock *lock);
uint32_t __wrap_shared_lock_try(struct shared_lock *lock);
uint32_t __real_shared_lock_take(struct shared_lock *lock, int64_t patience_us);
uint32_t __wrap_shared_lock_take(struct shared_lock *lock, int64_t patience_us);

static int lock_waits;

/* Somebody always has it just then. */
uint32_t __wrap_shared_lock_try(struct shared_lock *lock)
{
    return stopped_us != 0 ? 0 : __real_shared_lock_try(lock);
}

/* However long it takes on this machine: to who waits it is as long as the other is held up. */
uint32_t __wrap_shared_lock_take(struct shared_lock *lock, int64_t patience_us)
{
    lock_waits++;
    if (stopped_us != 0)
        stopped_us += held_up_ms * 1000LL;
    return __real_shared_lock_take(lock, patience_us);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
    if (held_up_ms > 0)
        __real_poll(NULL, 0, held_up_ms);
    return __real_write(fd, bytes, len);
}

#endif
