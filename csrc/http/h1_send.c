/* SPDX-License-Identifier: MIT */
#include "h1_send.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "h1_log_limit.h"

/* Waits until the client takes more: 1; 0 when send-timeout is over before; -1 when it is gone. */
static int wait_writable(const struct h1_exchange *x)
{
    struct pollfd waiting = {.fd = x->socket_fd, .events = POLLOUT};
    int64_t limit_us = x->settings->send_timeout_us;
    int timeout_ms = (int)(((limit_us > 0 ? limit_us : H1_RATE_GRACE_US) + 999) / 1000);
    int ready;

    do
        ready = poll(&waiting, 1, timeout_ms);
    while (ready < 0 && errno == EINTR);
    if (ready == 0)
        return limit_us == 0;
    return ready > 0 && (waiting.revents & POLLOUT) != 0 && (waiting.revents & POLLERR) == 0 ? 1 : -1;
}

static enum io_result give_up(const char *reason)
{
    H1_LOG_EVENT(LOG_LEVEL_INFO, "a client took %s: connection closed", reason);
    return IO_FAILED;
}

/* Queues, or waits. A socket counts as writable only when a good part of its buffer is free, so that a client may take
 * bytes for long before poll() tells; and another thread may drain what is queued: only a push tells silence. */
static enum io_result push_patiently(struct h1_exchange *x, struct iovec *iov, int count)
{
    uint64_t taken = 0;
    int ready = 1;

    for (;;) {
        enum io_result result = h1_output_push(x->output, x->settings, x->socket_fd, &iov, &count);

        if (result != IO_AGAIN)
            return result;
        if (ready == 0 && h1_output_taken(x->output) == taken)
            return give_up("nothing of its response for send-timeout");
        if (h1_output_is_too_slow(x->output, x->settings, clock_now_us()))
            return give_up("its response more slowly than send-min-rate");
        taken = h1_output_taken(x->output);
        ready = wait_writable(x);
        if (ready < 0)
            return IO_FAILED;
    }
}

void h1_send_end_by_reset(int socket_fd, bool is_reset)
{
    struct linger at_once = {.l_onoff = is_reset, .l_linger = 0};

    setsockopt(socket_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

void h1_send_begin_queueing(struct h1_exchange *x)
{
    if (!x->has_queued && x->output->on_behind != NULL)
        x->output->on_behind(x->output, false);
    x->has_queued = true;
}

enum exchange_result h1_send_pieces(struct h1_exchange *x, struct iovec *iov, int count, int flags)
{
    enum io_result result = IO_AGAIN;

    x->is_gone |= !h1_fate_send(&x->fate);
    if (!x->has_queued && !x->is_gone) {
        result = h1_output_send(x->socket_fd, &iov, &count, flags);
        if (result == IO_AGAIN)
            h1_send_begin_queueing(x);
    }
    if (result == IO_AGAIN && !x->is_gone)
        result = push_patiently(x, iov, count);
    x->is_gone |= result == IO_FAILED;
    return x->is_gone ? EXCHANGE_GONE : EXCHANGE_OK;
}

/* The list itself is not cleared: that would cost more than all else that a small block does here. */
void h1_gather_begin(struct h1_gather *gather, struct h1_exchange *x)
{
    gather->x = x;
    gather->count = 0;
    gather->result = EXCHANGE_OK;
}

void h1_gather_send(struct h1_gather *gather)
{
    if (gather->count > 0 && gather->result == EXCHANGE_OK)
        gather->result = h1_send_pieces(gather->x, gather->iov, gather->count, 0);
    gather->count = 0;
}

void h1_gather_add(struct h1_gather *gather, const void *ptr, size_t len)
{
    if (len == 0)
        return;
    if (gather->count == H1_GATHER_COUNT)
        h1_gather_send(gather);
    gather->iov[gather->count++] = (struct iovec){.iov_base = (void *)(uintptr_t)ptr, .iov_len = len};
}

/* Written from its end: printf takes a third of the instructions of a small block. */
void h1_gather_chunk_line(struct h1_gather *gather, char line[static H1_CHUNK_LINE_BYTES], uint64_t size)
{
    char *start = line + H1_CHUNK_LINE_BYTES - 2;

    memcpy(start, "\r\n", 2);
    do
        *--start = "0123456789abcdef"[size & 15];
    while ((size >>= 4) != 0);
    h1_gather_add(gather, start, (size_t)(line + H1_CHUNK_LINE_BYTES - start));
}
