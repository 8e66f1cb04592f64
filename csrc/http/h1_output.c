/* SPDX-License-Identifier: MIT */
#include "h1_output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "h1_log_limit.h"

enum { FILE_PIECE_BYTES = 1 << 20 };

void h1_output_init(struct h1_output *output)
{
    *output = (struct h1_output){.file.fd = -1};
    pthread_mutex_init(&output->mutex, NULL);
    h1_spool_init(&output->spool);
}

/* Frees what was in use for bytes that are gone. */
static void release(struct h1_output *output)
{
    buf_fini(&output->bytes);
    output->sent = 0;
    fd_close(&output->file.fd);
    if (!output->is_spooling && output->spool.piece.fd >= 0)
        h1_spool_fini(&output->spool);
}

void h1_output_fini(struct h1_output *output)
{
    release(output);
    output->file.left = 0;
    pthread_mutex_destroy(&output->mutex);
}

static size_t size_in_memory(const struct h1_output *output)
{
    return output->bytes.len - output->sent;
}

bool h1_output_is_empty(const struct h1_output *output)
{
    return size_in_memory(output) == 0 && output->spool.piece.left == 0 && output->file.left == 0;
}

static size_t bytes_in(const struct iovec *iov, int count)
{
    size_t total = 0;

    for (int i = 0; i < count; i++)
        total += iov[i].iov_len;
    return total;
}

/* --- How far behind the client is --- */

static void note_taken(struct h1_output *output, uint64_t bytes)
{
    atomic_fetch_add_explicit(&output->taken_bytes, bytes, memory_order_relaxed);
    output->has_progress |= bytes > 0;
}

static void note_congestion(struct h1_output *output)
{
    if (atomic_load_explicit(&output->congested_us, memory_order_relaxed) != 0)
        return;
    atomic_store_explicit(&output->taken_bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&output->congested_us, clock_now_us(), memory_order_release);
}

static void end_congestion(struct h1_output *output)
{
    atomic_store_explicit(&output->congested_us, 0, memory_order_relaxed);
    output->has_spool_failed = false;
}

bool h1_output_is_too_slow(const struct h1_output *output, const struct h1_settings *settings, int64_t now_us)
{
    int64_t since_us = atomic_load_explicit(&output->congested_us, memory_order_acquire);

    return since_us != 0 && h1_is_below_rate(h1_output_taken(output), now_us - since_us, settings->send_rate_bytes,
                                             settings->send_timeout_us);
}

uint64_t h1_output_taken(const struct h1_output *output)
{
    return atomic_load_explicit(&output->taken_bytes, memory_order_relaxed);
}

/* --- Sending --- */

static bool is_full(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
}

enum io_result h1_output_send(int socket_fd, struct iovec **iov, int *count, int flags)
{
    while (*count > 0) {
        struct msghdr message = {.msg_iov = *iov, .msg_iovlen = (size_t)*count};
        ssize_t sent = sendmsg(socket_fd, &message, MSG_NOSIGNAL | flags);

        if (sent < 0) {
            if (errno == EINTR)
                continue;
            return is_full(errno) ? IO_AGAIN : IO_FAILED;
        }
        while (*count > 0 && (size_t)sent >= (*iov)->iov_len) {
            sent -= (ssize_t)(*iov)->iov_len;
            (*iov)++;
            (*count)--;
        }
        if (*count > 0 && sent > 0) {
            (*iov)->iov_base = (char *)(*iov)->iov_base + sent;
            (*iov)->iov_len -= (size_t)sent;
        }
    }
    return IO_DONE;
}

static enum io_result send_counted(struct h1_output *output, int socket_fd, struct iovec **iov, int *count)
{
    size_t before = bytes_in(*iov, *count);
    enum io_result result = h1_output_send(socket_fd, iov, count, 0);

    note_taken(output, before - bytes_in(*iov, *count));
    return result;
}

static enum io_result flush_bytes(struct h1_output *output, int socket_fd, uint64_t *budget)
{
    size_t size = size_in_memory(output), len = size < *budget ? size : (size_t)*budget, left;
    struct iovec rest = {.iov_len = len}, *iov = &rest;
    enum io_result result;
    int count = 1;

    if (size == 0)
        return IO_DONE;
    rest.iov_base = output->bytes.ptr + output->sent;
    result = send_counted(output, socket_fd, &iov, &count);
    left = count > 0 ? rest.iov_len : 0;
    output->sent += len - left;
    *budget -= len - left;
    return result == IO_DONE && len < size ? IO_MORE : result;
}

void h1_output_tell_short(int error)
{
    if (error == 0)
        H1_LOG_EVENT(LOG_LEVEL_WARNING, "a file of the application became shorter while it was sent: the response is "
                                        "cut off");
    else
        H1_LOG_EVENT(LOG_LEVEL_WARNING, "a file of the application cannot be read: the response is cut off: %s",
                     strerror(error));
}

static enum io_result flush_piece(struct h1_output *output, struct h1_file_piece *file, int socket_fd, uint64_t *budget)
{
    while (file->left > 0) {
        uint64_t most = file->left < *budget ? file->left : *budget;
        ssize_t sent;

        if (most == 0)
            return IO_MORE;
        sent =
            fd_send_file(socket_fd, file->fd, &file->offset, most < FILE_PIECE_BYTES ? (size_t)most : FILE_PIECE_BYTES);
        if (sent > 0) {
            file->left -= (uint64_t)sent;
            *budget -= (uint64_t)sent;
            note_taken(output, (uint64_t)sent);
        } else if (sent == 0) {
            if (!file->is_short)
                h1_output_tell_short(0);
            file->is_short = true;
            return IO_FAILED;
        } else if (errno != EINTR) {
            return is_full(errno) ? IO_AGAIN : IO_FAILED;
        }
    }
    return IO_DONE;
}

/* At most `budget` bytes. With the lock. */
static enum io_result flush(struct h1_output *output, int socket_fd, uint64_t budget)
{
    enum io_result result = flush_bytes(output, socket_fd, &budget);

    if (result == IO_DONE)
        result = flush_piece(output, &output->spool.piece, socket_fd, &budget);
    if (result == IO_DONE)
        result = flush_piece(output, &output->file, socket_fd, &budget);
    if (result == IO_DONE)
        release(output);
    else if (result == IO_AGAIN)
        note_congestion(output);
    return result;
}

enum io_result h1_output_drain(struct h1_output *output, int socket_fd)
{
    enum io_result result;

    pthread_mutex_lock(&output->mutex);
    result = flush(output, socket_fd, H1_OUTPUT_TURN_BYTES);
    output->is_cut_short = result == IO_MORE || result == IO_FAILED;
    if (result == IO_DONE && !output->is_app_waiting && !output->is_spooling)
        end_congestion(output);
    pthread_mutex_unlock(&output->mutex);
    return result;
}

/* --- Queueing --- */

static int append(struct h1_output *output, const struct iovec *iov, int count, size_t total)
{
    int failed;

    /* Not after every byte that was sent: what is left has to be moved. */
    if (output->sent > 0 && output->sent >= output->bytes.len / 2) {
        buf_consume(&output->bytes, output->sent);
        output->sent = 0;
    }
    failed = buf_reserve(&output->bytes, total);
    for (int i = 0; failed == 0 && i < count; i++)
        failed = buf_append(&output->bytes, slice_of(iov[i].iov_base, iov[i].iov_len));
    return failed;
}

/* Gives up the lock while it writes: a disk may be slow, and whoever drains must not wait for it. */
static enum io_result spool(struct h1_output *output, const struct h1_settings *settings, int socket_fd,
                            const struct iovec *iov, int count, size_t total)
{
    const struct h1_file_piece *piece = &output->spool.piece;
    off_t end = piece->offset + (off_t)piece->left;
    int failed;

    output->is_spooling = true;
    pthread_mutex_unlock(&output->mutex);
    failed = h1_spool_write(&output->spool, end, iov, count, settings->body_temp_path);
    pthread_mutex_lock(&output->mutex);
    output->is_spooling = false;
    output->has_spool_failed = failed < 0;
    if (failed < 0)
        return IO_AGAIN;
    output->spool.piece.left += total;
    /* The socket may have become writable meanwhile, and whoever drains may have found nothing to send. */
    return flush(output, socket_fd, UINT64_MAX) == IO_FAILED ? IO_FAILED : IO_DONE;
}

/* What comes behind spooled bytes must go the same way. */
static enum io_result queue(struct h1_output *output, const struct h1_settings *settings, int socket_fd,
                            const struct iovec *iov, int count)
{
    size_t total = bytes_in(iov, count), limit = settings->response_memory_bytes, size = size_in_memory(output);

    if (output->spool.piece.left == 0 && total <= limit && size <= limit - total &&
        append(output, iov, count, total) == 0)
        return IO_DONE;
    if (output->has_spool_failed || !h1_spool_has_room(&output->spool, total, settings->response_file_bytes))
        return IO_AGAIN;
    return spool(output, settings, socket_fd, iov, count, total);
}

enum io_result h1_output_push(struct h1_output *output, const struct h1_settings *settings, int socket_fd,
                              struct iovec **iov, int *count)
{
    enum io_result result;

    pthread_mutex_lock(&output->mutex);
    result = flush(output, socket_fd, UINT64_MAX);
    if (result == IO_DONE)
        result = send_counted(output, socket_fd, iov, count);
    if (result == IO_AGAIN) {
        note_congestion(output);
        result = queue(output, settings, socket_fd, *iov, *count);
    }
    output->is_app_waiting = result == IO_AGAIN;
    if (result == IO_DONE && h1_output_is_empty(output))
        end_congestion(output);
    pthread_mutex_unlock(&output->mutex);
    return result;
}

int h1_output_append_file(struct h1_output *output, int fd, off_t offset, uint64_t length)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (copy < 0)
        return -errno;
    pthread_mutex_lock(&output->mutex);
    output->file = (struct h1_file_piece){.fd = copy, .offset = offset, .left = length};
    pthread_mutex_unlock(&output->mutex);
    return 0;
}
