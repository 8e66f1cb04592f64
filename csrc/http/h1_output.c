/* SPDX-License-Identifier: MIT */
#include "h1_output.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"

enum { FILE_PIECE_BYTES = 1 << 20 };

void h1_output_init(struct h1_output *output)
{
    *output = (struct h1_output){.file_fd = -1};
}

void h1_output_fini(struct h1_output *output)
{
    buf_fini(&output->bytes);
    fd_close(&output->file_fd);
    h1_output_init(output);
}

bool h1_output_is_empty(const struct h1_output *output)
{
    return output->bytes.len == output->sent && output->file_left == 0;
}

size_t h1_output_size(const struct h1_output *output)
{
    return output->bytes.len - output->sent;
}

int h1_output_append(struct h1_output *output, const struct iovec *iov, int count)
{
    size_t total = 0;
    int failed;

    for (int i = 0; i < count; i++)
        total += iov[i].iov_len;
    if (output->sent > 0) {
        buf_consume(&output->bytes, output->sent);
        output->sent = 0;
    }
    failed = buf_reserve(&output->bytes, total);
    for (int i = 0; failed == 0 && i < count; i++)
        failed = buf_append(&output->bytes, slice_of(iov[i].iov_base, iov[i].iov_len));
    return failed;
}

int h1_output_append_file(struct h1_output *output, int fd, off_t offset, uint64_t length)
{
    output->file_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (output->file_fd < 0)
        return -errno;
    output->file_offset = offset;
    output->file_left = length;
    return 0;
}

static bool is_full(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
}

enum io_result h1_output_send(int socket_fd, struct iovec **iov, int *count)
{
    while (*count > 0) {
        struct msghdr message = {.msg_iov = *iov, .msg_iovlen = (size_t)*count};
        ssize_t sent = sendmsg(socket_fd, &message, MSG_NOSIGNAL);

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

static enum io_result flush_bytes(struct h1_output *output, int socket_fd)
{
    size_t size = h1_output_size(output);
    struct iovec rest = {.iov_base = output->bytes.ptr + output->sent, .iov_len = size};
    struct iovec *iov = &rest;
    int count = 1;
    enum io_result result;

    if (size == 0)
        return IO_DONE;
    result = h1_output_send(socket_fd, &iov, &count);
    rest.iov_len = count > 0 ? rest.iov_len : 0;
    output->has_progress |= rest.iov_len != size;
    output->sent = output->bytes.len - rest.iov_len;
    return result;
}

static enum io_result flush_file(struct h1_output *output, int socket_fd)
{
    while (output->file_left > 0) {
        size_t piece = output->file_left < FILE_PIECE_BYTES ? (size_t)output->file_left : FILE_PIECE_BYTES;
        ssize_t sent = sendfile(socket_fd, output->file_fd, &output->file_offset, piece);

        if (sent > 0) {
            output->file_left -= (uint64_t)sent;
            output->has_progress = true;
        } else if (sent == 0) {
            return IO_FAILED; /* the file has become shorter than promised */
        } else if (errno != EINTR) {
            return is_full(errno) ? IO_AGAIN : IO_FAILED;
        }
    }
    return IO_DONE;
}

enum io_result h1_output_flush(struct h1_output *output, int socket_fd)
{
    enum io_result result = flush_bytes(output, socket_fd);

    if (result == IO_DONE)
        result = flush_file(output, socket_fd);
    if (result == IO_DONE)
        h1_output_fini(output);
    return result;
}
