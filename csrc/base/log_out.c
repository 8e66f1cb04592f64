/* SPDX-License-Identifier: MIT */
#include "log_out.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "patience.h"
#include "shared_lock.h"
#include "standard_fds.h"

/* Standard error, standard output, the access log; and one more. */
enum { OUTS = 4 };

/* How often a wait for the lock is looked at; how long it costs no patience. */
enum { LOCK_LOOK_US = 10000, LOCK_UNCOUNTED_US = 50000 };

/* How often a process tells of lost lines: they are told of beside those that a slow reader has to read. */
enum { TOLD_AGAIN_US = 1000000 };

enum kind { KIND_FILE, KIND_PIPE, KIND_SOCKET, KIND_TERMINAL };

/* By all processes, of which the application can make anything: no bool, which must be 0 or 1. */
struct shared {
    struct shared_lock lock;
    _Atomic(uint8_t) is_waited_for; /* by the holder of the lock: the reader, that is */
    _Atomic(uint8_t) is_torn;       /* the last write ended in the middle of a line, or has not ended */
    _Atomic(uint32_t) lost_lines;
};

struct log_out {
    const char *name; /* NULL: unused */
    int fd;           /* as it was given */
    int own_fd;       /* what is behind it, for us alone; -1: none */
    enum kind kind;
    dev_t device;
    ino_t inode;
    struct log_out *first; /* the first that has the same behind: used in place of this one */
    struct patience patience;
    _Atomic(int64_t) told_us; /* when this process last told of lost lines */
};

static struct log_out outs[OUTS] = {{.own_fd = -1}, {.own_fd = -1}, {.own_fd = -1}, {.own_fd = -1}};
static struct shared private_states[OUTS], *states = private_states; /* as many as outs */
static bool is_foreign;                                              /* after log_out_let_go() */

void log_out_init(void)
{
    struct shared *made;

    if (states != private_states)
        return;
    made = mmap(NULL, sizeof(private_states), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (made != MAP_FAILED)
        states = made;
}

/* --- What is behind a descriptor --- */

static enum kind kind_of(int fd, const struct stat *status)
{
    if (S_ISFIFO(status->st_mode))
        return KIND_PIPE;
    if (S_ISSOCK(status->st_mode))
        return KIND_SOCKET;
    return S_ISCHR(status->st_mode) && isatty(fd) ? KIND_TERMINAL : KIND_FILE;
}

/* A descriptor of our own, or -1: then `fd` must do. */
static int open_again(int fd, enum kind kind)
{
    char path[32];

    if (kind == KIND_FILE)
        return -1;
    if (kind == KIND_SOCKET)
        return fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

static bool has_same(const struct log_out *out, const struct stat *status)
{
    return out->name != NULL && out->device == status->st_dev && out->inode == status->st_ino;
}

static struct log_out *find_same(const struct stat *status)
{
    struct log_out *out = outs;

    while (out < outs + OUTS && !has_same(out, status))
        out++;
    return out < outs + OUTS ? out : NULL;
}

/* After a change: who uses whose, and who needs a descriptor. */
static void settle(void)
{
    for (struct log_out *out = outs; out < outs + OUTS; out++) {
        const struct stat status = {.st_dev = out->device, .st_ino = out->inode};

        if (out->name == NULL)
            continue;
        out->first = find_same(&status);
        if (out->first != out)
            fd_close(&out->own_fd);
        else if (out->own_fd < 0)
            out->own_fd = open_again(out->fd, out->kind);
    }
}

/* The entry of the number, or a free one. NULL: there are too many. */
static struct log_out *entry_of(int fd)
{
    struct log_out *unused = NULL;

    for (struct log_out *out = outs; out < outs + OUTS; out++) {
        if (out->name != NULL && out->fd == fd)
            return out;
        if (out->name == NULL && unused == NULL)
            unused = out;
    }
    return unused;
}

void log_out_open(int fd, const char *name)
{
    struct log_out *out = entry_of(fd);
    struct stat status;

    if (out == NULL || fstat(fd, &status) < 0)
        return;
    fd_close(&out->own_fd);
    *out = (struct log_out){.name = name,
                            .fd = fd,
                            .own_fd = -1,
                            .kind = kind_of(fd, &status),
                            .device = status.st_dev,
                            .inode = status.st_ino};
    settle();
}

void log_out_close(int fd)
{
    struct log_out *out = entry_of(fd);

    if (out == NULL || out->name == NULL)
        return;
    fd_close(&out->own_fd);
    out->name = NULL;
    settle();
}

struct log_out *log_out_of(int fd)
{
    struct stat status;

    for (struct log_out *out = outs; out < outs + OUTS && !is_foreign; out++) {
        if (out->name != NULL && out->fd == fd)
            return out->first;
    }
    return fstat(fd, &status) == 0 ? find_same(&status) : NULL;
}

const char *log_out_name(const struct log_out *out)
{
    return out->name;
}

/* Whether there is a descriptor of our own still. The application may have closed it, and the number be that of a
 * client's connection by now. */
static bool has_own_fd(struct log_out *out)
{
    struct stat status;

    if (out->own_fd >= 0 && (fstat(out->own_fd, &status) < 0 || !has_same(out, &status)))
        out->own_fd = -1;
    return out->own_fd >= 0;
}

void log_out_let_go(void)
{
    is_foreign = true;
    for (struct log_out *out = outs; out < outs + OUTS; out++) {
        if (has_own_fd(out))
            fd_close(&out->own_fd);
    }
}

/* --- Writing --- */

static struct shared *state_of(const struct log_out *out)
{
    return &states[out - outs];
}

/* Without a descriptor of our own: as well as can be. Where poll() finds room there is as much as this, unless another
 * is faster; a newer kernel can tell. */
static ssize_t write_borrowed(int fd, struct slice bytes)
{
    struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes.ptr, .iov_len = bytes.len};
    struct pollfd waiting = {.fd = fd, .events = POLLOUT};
    ssize_t written = pwritev2(fd, &piece, 1, -1, RWF_NOWAIT);

    if (written >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL))
        return written;
    if (poll(&waiting, 1, 0) <= 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(fd, bytes.ptr, bytes.len < PIPE_BUF ? bytes.len : PIPE_BUF);
}

/* Writes what there is room for. The bytes written, or -errno. */
static ssize_t write_now(const struct log_out *out, int fd, bool is_own, struct slice bytes)
{
    ssize_t written;

    if (out->kind == KIND_SOCKET)
        written = send(fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    else
        written = is_own ? write(fd, bytes.ptr, bytes.len) : write_borrowed(fd, bytes);
    return written >= 0 ? written : -errno;
}

static bool wait_for_room(struct log_out *out, int fd)
{
    struct pollfd waiting = {.fd = fd, .events = POLLOUT};
    int64_t began_us = clock_now_us(), left_us = patience_left_us(&out->patience, began_us), now_us;
    int count;

    if (left_us <= 0)
        return false;
    state_of(out)->is_waited_for = true;
    count = poll(&waiting, 1, (int)((left_us + 999) / 1000));
    state_of(out)->is_waited_for = false;
    now_us = clock_now_us();
    patience_use(&out->patience, now_us, now_us - began_us);
    return count != 0;
}

/* A write under the lock. */
struct writing {
    struct log_out *out;
    int given_fd, fd; /* the latter is used: our own, or the former */
    bool is_own;
    uint32_t mark; /* of the lock */
    bool is_without_reader;
};

/* Writes what finds room. Returns how many bytes: all of them where nobody reads. */
static size_t write_patiently(struct writing *writing, struct slice lines)
{
    size_t done = 0;

    while (done < lines.len) {
        ssize_t written =
            write_now(writing->out, writing->fd, writing->is_own, slice_of(lines.ptr + done, lines.len - done));

        if (written >= 0) {
            done += (size_t)written;
        } else if (written == -EAGAIN) {
            /* Whoever was stopped meanwhile may have lost the lock, and others have written. */
            if (!wait_for_room(writing->out, writing->fd) ||
                !shared_lock_is_held(&state_of(writing->out)->lock, writing->mark))
                return done;
        } else if (written == -EBADF && writing->is_own) {
            /* The application has closed it. */
            writing->out->own_fd = -1;
            writing->fd = writing->given_fd;
            writing->is_own = false;
        } else if (written != -EINTR) {
            writing->is_without_reader = true;
            return lines.len; /* to a reader that has gone nothing can be lost */
        }
    }
    return done;
}

static uint32_t count_lines(struct slice lines)
{
    uint32_t count = 0;
    const char *at = lines.ptr, *end = lines.ptr + lines.len;

    while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        count++;
        at++;
    }
    return count > 0 ? count : 1;
}

/* Returns the bytes written, as above. */
static size_t write_locked(struct writing *writing, struct slice lines)
{
    struct shared *state = state_of(writing->out);
    size_t done;

    if (state->is_torn != 0 && write_patiently(writing, SLICE("\n")) == 0)
        return 0;
    state->is_torn = true; /* for those who come after a process that was killed or stopped here */
    done = write_patiently(writing, lines);
    if (shared_lock_is_held(&state->lock, writing->mark))
        state->is_torn = done > 0 && done < lines.len && lines.ptr[done - 1] != '\n';
    return done;
}

/* A wait for somebody who waits for the reader is a wait for the reader. Whoever else has the lock writes: that takes
 * microseconds, or what the kernel gives to others meanwhile, and is not counted; unless it lasts so long that the
 * holder must have been stopped. */
static uint32_t wait_for_lock(struct log_out *out)
{
    struct shared *state = state_of(out);
    int64_t began_us = clock_now_us(), now_us = began_us;
    uint32_t mark = 0;

    while (mark == 0) {
        bool is_counted = state->is_waited_for != 0 || now_us - began_us >= LOCK_UNCOUNTED_US;
        int64_t most_us = LOCK_LOOK_US, since_us = now_us;

        if (is_counted && patience_left_us(&out->patience, now_us) < most_us)
            most_us = patience_left_us(&out->patience, now_us);
        if (most_us <= 0)
            return shared_lock_take(&state->lock, 0);
        mark = shared_lock_take(&state->lock, most_us);
        now_us = clock_now_us();
        if (is_counted)
            patience_use(&out->patience, now_us, now_us - since_us);
    }
    return mark;
}

static uint32_t take_lock(struct log_out *out)
{
    uint32_t mark = shared_lock_try(&state_of(out)->lock);

    return mark != 0 ? mark : wait_for_lock(out);
}

static bool write_to_reader(struct log_out *out, int fd, struct slice lines)
{
    struct writing writing = {.out = out, .given_fd = fd, .fd = fd, .mark = take_lock(out)};
    sigset_t before;
    size_t done = 0;

    if (writing.mark != 0 && has_own_fd(out)) {
        writing.fd = out->own_fd;
        writing.is_own = true;
    }
    if (writing.mark != 0) {
        if (out->kind == KIND_PIPE)
            fd_hold_pipe_signal(&before);
        done = write_locked(&writing, lines);
        if (out->kind == KIND_PIPE)
            fd_release_pipe_signal(&before, writing.is_without_reader);
        shared_lock_release(&state_of(out)->lock, writing.mark);
    }
    if (done == lines.len)
        return true;
    state_of(out)->lost_lines += count_lines(slice_of(lines.ptr + done, lines.len - done));
    return false;
}

/* A log that cannot be written is no reason to stop serving, and there is nowhere to say so. */
static void write_to_file(int fd, struct slice lines)
{
    if (fd_write_all(fd, lines.ptr, lines.len) == -EBADF) {
        standard_fds_restore();
        (void)!fd_write_all(fd, lines.ptr, lines.len);
    }
}

bool log_out_write(struct log_out *out, int fd, struct slice lines)
{
    if (out != NULL && out->kind != KIND_FILE)
        return write_to_reader(out, fd, lines);
    write_to_file(fd, lines);
    return true;
}

uint32_t log_out_take_lost(struct log_out *out)
{
    struct shared *state = state_of(out);
    int64_t now_us, told_us;

    if (state->lost_lines == 0)
        return 0;
    now_us = clock_now_us();
    told_us = out->told_us;
    if ((told_us != 0 && now_us - told_us < TOLD_AGAIN_US) ||
        !atomic_compare_exchange_strong(&out->told_us, &told_us, now_us))
        return 0;
    return atomic_exchange(&state->lost_lines, 0);
}

void log_out_give_back_lost(struct log_out *out, uint32_t count)
{
    state_of(out)->lost_lines += count;
}
