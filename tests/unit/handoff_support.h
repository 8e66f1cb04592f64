/* SPDX-License-Identifier: MIT
 * A queue between three workers for each test, and requests of a few bytes in it. */
#ifndef CLUTCH_HANDOFF_SUPPORT_H
#define CLUTCH_HANDOFF_SUPPORT_H

#include "handoff.h"

#include "unit.h"

#include <dirent.h>
#include <unistd.h>

#include "fd.h"

static char buffer[HANDOFF_MESSAGE_BYTES];

static inline int open_one(void **state)
{
    static struct handoff handoff;

    *state = &handoff;
    return handoff_open(&handoff, 3);
}

static inline int close_one(void **state)
{
    handoff_close(*state);
    return 0;
}

static inline int64_t waiting(const struct handoff *handoff)
{
    return atomic_load(&handoff->board->waiting);
}

static inline int open_fds(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

/* A request of `text` (its head), whose connection is the write end of a pipe. */
static inline int give_text(const struct handoff *handoff, const char *text, int conn_fd)
{
    struct handoff_header header = {.kind = HANDOFF_REQUEST, .head_bytes = (uint32_t)strlen(text)};
    struct iovec piece = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};

    return handoff_give(handoff, &header, &piece, 1, conn_fd, -1);
}

static inline void assert_takes(const struct handoff *handoff, const char *text)
{
    struct handoff_message message;

    assert_int_equal(handoff_take(handoff, buffer, &message), 1);
    assert_int_equal(message.len, strlen(text));
    assert_memory_equal(message.bytes, text, message.len);
    fd_close(&message.conn_fd);
    fd_close(&message.file_fd);
}

static inline void assert_is_empty(const struct handoff *handoff)
{
    struct handoff_message message;

    assert_int_equal(handoff_take(handoff, buffer, &message), 0);
}

#define QUEUE_TEST(function) cmocka_unit_test_setup_teardown(function, open_one, close_one)

#endif
