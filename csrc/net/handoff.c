/* SPDX-License-Identifier: MIT */
#include "handoff.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "clock.h"
#include "fd.h"
#include "log.h"
#include "standard_fds.h"

enum {
    FORMAT = 1,              /* counts up with every change of what a message means */
    QUEUE_BYTES = 8 << 20,   /* asked of the kernel; without privilege it gives net.core.wmem_max */
    STALE_EMPTY_LOOKS = 1000 /* so many looks that find nothing prove board->waiting wrong */
};

/* Room for the descriptors of one message, aligned as the kernel wants it. */
union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(HANDOFF_MOST_FDS * sizeof(int))];
};

struct fds {
    int fd[HANDOFF_MOST_FDS];
    size_t count;
};

/* Of this process, in a row, while board->waiting said there was something. */
static _Atomic(uint32_t) empty_looks;

static size_t board_bytes(size_t row_count)
{
    return sizeof(struct handoff_board) + row_count * sizeof(struct handoff_row);
}

/* As many messages as the system lets wait. */
static void widen_queue(int fd)
{
    const int bytes = QUEUE_BYTES;

    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes) < 0)
        log_debug("the queue between workers keeps its usual size: %s", strerror(errno));
}

static int open_board(struct handoff *handoff, size_t row_count)
{
    void *board;

    *handoff = (struct handoff){.take_fd = -1, .give_fd = -1};
    board = mmap(NULL, board_bytes(row_count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED)
        return -errno;
    handoff->board = board; /* all zero */
    handoff->row_count = row_count;
    handoff_set_row_end(handoff, row_count);
    return 0;
}

int handoff_open(struct handoff *handoff, size_t row_count)
{
    int ends[2], result = open_board(handoff, row_count);

    if (result < 0)
        return result;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) {
        int error = errno;

        handoff_close(handoff);
        return -error;
    }
    handoff->take_fd = ends[0];
    handoff->give_fd = ends[1];
    widen_queue(handoff->give_fd);
    return 0;
}

uint64_t handoff_format(void)
{
    return ((uint64_t)FORMAT << 32) | sizeof(struct handoff_header);
}

int handoff_join(struct handoff *handoff, size_t row_count, int take_fd, int give_fd)
{
    int result = open_board(handoff, row_count);

    handoff->take_fd = take_fd;
    handoff->give_fd = give_fd;
    if (result == 0 && (fcntl(take_fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(give_fd, F_SETFD, FD_CLOEXEC) < 0))
        result = -errno;
    if (result < 0)
        handoff_close(handoff);
    return result;
}

void handoff_close(struct handoff *handoff)
{
    fd_close(&handoff->take_fd);
    fd_close(&handoff->give_fd);
    if (handoff->board != NULL)
        munmap(handoff->board, board_bytes(handoff->row_count));
    handoff->board = NULL;
}

/* How many descriptors travel with a message of this header. */
static size_t promised_fds(const struct handoff_header *header)
{
    if (header->kind == HANDOFF_NUDGE)
        return 0;
    return header->has_body_file ? 2 : 1;
}

static bool is_well_formed(const struct handoff_header *header, size_t len, size_t fd_count)
{
    uint64_t promised = (uint64_t)header->head_bytes + header->body_bytes + header->rest_bytes;

    if (header->is_all_in_file)
        promised = 0;
    return header->kind <= HANDOFF_IDLE && promised == len && promised_fds(header) == fd_count &&
           header->is_all_in_file <= header->has_body_file;
}

/* Counts one request off. Never below zero, where a count that had been reset would stay wrong for ever. */
static void count_off(struct handoff_board *board)
{
    int64_t waiting = atomic_load_explicit(&board->waiting, memory_order_relaxed);

    while (waiting > 0 && !atomic_compare_exchange_weak(&board->waiting, &waiting, waiting - 1))
        continue;
}

static void add_fds(struct msghdr *message, union control *control, const struct fds *fds)
{
    size_t bytes = fds->count * sizeof(int);

    if (fds->count == 0)
        return;
    memset(control, 0, sizeof *control);
    message->msg_control = control;
    message->msg_controllen = CMSG_SPACE(bytes);
    control->header = (struct cmsghdr){.cmsg_len = CMSG_LEN(bytes), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control->header), fds->fd, bytes);
}

/* Everything that means "no room now" is -EAGAIN. */
static int send_message(int fd, const struct msghdr *message)
{
    while (sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        switch (errno) {
        case EINTR:
            continue;
        case EAGAIN:
        case ETOOMANYREFS:
        case ENOBUFS:
        case ENOMEM:
            return -EAGAIN;
        default:
            return -errno;
        }
    }
    return 0;
}

int handoff_give(const struct handoff *handoff, const struct handoff_header *header, const struct iovec *pieces,
                 int count, int conn_fd, int file_fd)
{
    struct iovec iov[HANDOFF_IOV + 1] = {{.iov_base = (void *)(uintptr_t)header, .iov_len = sizeof *header}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)count + 1};
    union control control;
    struct fds fds = {.count = 0};
    size_t len = 0;
    int result;

    if (count < 0 || count > HANDOFF_IOV)
        return -EINVAL;
    for (int i = 0; i < count; i++) {
        iov[i + 1] = pieces[i];
        len += pieces[i].iov_len;
    }
    if (conn_fd >= 0)
        fds.fd[fds.count++] = conn_fd;
    if (file_fd >= 0)
        fds.fd[fds.count++] = file_fd;
    if (len > HANDOFF_MESSAGE_BYTES)
        return -EMSGSIZE;
    if (!is_well_formed(header, len, fds.count) || (header->has_body_file != 0) != (file_fd >= 0))
        return -EINVAL;
    add_fds(&message, &control, &fds);
    if (header->kind == HANDOFF_REQUEST) /* first: who finds the message must find it counted */
        atomic_fetch_add(&handoff->board->waiting, 1);
    result = send_message(handoff->give_fd, &message);
    if (result < 0 && header->kind == HANDOFF_REQUEST)
        count_off(handoff->board);
    return result;
}

/* Receives one message, or its beginning. The count of bytes (0: the queue is empty), or -errno. */
static ssize_t receive(int fd, struct msghdr *message, int flags)
{
    ssize_t count;

    do
        count = recvmsg(fd, message, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return errno == EAGAIN ? 0 : -errno;
    return count;
}

static struct fds received_fds(struct msghdr *message)
{
    struct fds fds = {.count = 0};

    for (struct cmsghdr *item = CMSG_FIRSTHDR(message); item != NULL; item = CMSG_NXTHDR(message, item)) {
        size_t bytes = item->cmsg_len - CMSG_LEN(0);

        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < bytes / sizeof(int) && fds.count < HANDOFF_MOST_FDS; i++) {
            memcpy(&fds.fd[fds.count], CMSG_DATA(item) + i * sizeof(int), sizeof(int));
            fds.fd[fds.count] = standard_fds_stay_clear(fds.fd[fds.count]);
            fds.count++;
        }
    }
    return fds;
}

/* A process that is killed between counting and sending, or between taking and counting, leaves board->waiting too
 * high: every request would then cost a look at an empty queue. */
static void note_empty(struct handoff_board *board)
{
    static _Atomic(int64_t) seen;
    int64_t waiting = atomic_load(&board->waiting);

    if (atomic_load_explicit(&board->is_nudged, memory_order_relaxed) != 0)
        atomic_store(&board->is_nudged, 0);
    if (waiting <= 0)
        return;
    if (atomic_exchange(&seen, waiting) != waiting)
        atomic_store(&empty_looks, 0);
    if (atomic_fetch_add(&empty_looks, 1) + 1 < STALE_EMPTY_LOOKS)
        return;
    atomic_store(&empty_looks, 0);
    atomic_compare_exchange_strong(&board->waiting, &waiting, 0);
}

static void close_fds(struct fds *fds)
{
    for (size_t i = 0; i < fds->count; i++)
        fd_close(&fds->fd[i]);
    fds->count = 0;
}

/* The header of the oldest message and copies of its descriptors, which the caller owns; it stays in the queue. 1, 0
 * when the queue is empty, -EMFILE when the descriptors find no room, -errno. */
static int look(int take_fd, struct handoff_header *header, struct fds *fds)
{
    struct iovec iov = {header, sizeof *header};
    union control control;
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t count = receive(take_fd, &message, MSG_PEEK);
    bool is_wrong;

    *fds = (struct fds){.count = 0};
    if (count <= 0)
        return (int)count;
    *fds = received_fds(&message);
    if ((message.msg_flags & MSG_CTRUNC) == 0)
        return 1;
    is_wrong = fds->count == HANDOFF_MOST_FDS; /* it has more of them than a message may have: to be dropped */
    close_fds(fds);
    return is_wrong ? 1 : -EMFILE;
}

/* Lets go of a message of a wrong form. */
static void drop(const struct msghdr *message, ssize_t count, struct fds *fds)
{
    const char *reason = "its parts do not fit together";

    if (message->msg_flags & MSG_CTRUNC)
        reason = "its descriptors could not be received (is the limit on open files, RLIMIT_NOFILE, reached?)";
    else if (message->msg_flags & MSG_TRUNC)
        reason = "it is longer than a message may be";
    log_error("a message from another worker is lost (%zd bytes): %s", count, reason);
    close_fds(fds);
}

/* The other threads of the process may have taken all room for descriptors since the look: then those of the look are
 * kept, unless another process has taken that message meanwhile, and this is the next. */
static void keep_fds(struct msghdr *message, const struct handoff_header *header, struct fds *fds,
                     const struct handoff_header *seen, struct fds *copies)
{
    if ((message->msg_flags & MSG_CTRUNC) != 0 && copies->count > 0 && memcmp(header, seen, sizeof *header) == 0) {
        close_fds(fds);
        *fds = *copies;
        message->msg_flags &= ~MSG_CTRUNC;
    } else {
        close_fds(copies);
    }
}

/* Receives the oldest message of any kind. 1: it is in *out; 0: the queue is empty; -EMFILE: it is left there for want
 * of descriptors; -EBADMSG: dropped; -errno. */
static int take_any(const struct handoff *handoff, char *buffer, struct handoff_message *out)
{
    struct handoff_header *header = &out->header;
    struct iovec iov[2] = {{header, sizeof *header}, {buffer, HANDOFF_MESSAGE_BYTES}};
    union control control;
    struct msghdr message = {
        .msg_iov = iov, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
    struct handoff_header seen = {0};
    struct fds fds, copies;
    ssize_t count;
    size_t len;
    int result = look(handoff->take_fd, &seen, &copies);

    if (result <= 0)
        return result;
    count = receive(handoff->take_fd, &message, 0);
    if (count <= 0) {
        close_fds(&copies);
        return (int)count;
    }
    fds = received_fds(&message);
    keep_fds(&message, header, &fds, &seen, &copies);
    if ((size_t)count < sizeof *header) {
        drop(&message, count, &fds);
        return -EBADMSG;
    }
    len = (size_t)count - sizeof *header;
    if (header->kind == HANDOFF_REQUEST)
        count_off(handoff->board);
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || !is_well_formed(header, len, fds.count)) {
        drop(&message, count, &fds);
        return -EBADMSG;
    }
    out->bytes = buffer;
    out->len = len;
    out->conn_fd = fds.count > 0 ? fds.fd[0] : -1;
    out->file_fd = fds.count > 1 ? fds.fd[1] : -1;
    return 1;
}

int handoff_take(const struct handoff *handoff, char *buffer, struct handoff_message *message)
{
    int result;

    for (;;) {
        result = take_any(handoff, buffer, message);
        if (result == 1 && message->header.kind == HANDOFF_NUDGE)
            atomic_store(&handoff->board->is_nudged, 0); /* before the next look, so that no nudge is missed */
        else if (result != -EBADMSG)
            break;
    }
    if (result == 0)
        note_empty(handoff->board);
    else
        atomic_store_explicit(&empty_looks, 0, memory_order_relaxed);
    return result;
}

int handoff_peek(const struct handoff *handoff, struct handoff_header *header)
{
    struct iovec iov = {header, sizeof *header};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1}; /* no control buffer: no descriptor is duplicated */
    ssize_t count = receive(handoff->take_fd, &message, MSG_PEEK);

    if (count < 0)
        return (int)count;
    return (size_t)count == sizeof *header;
}

void handoff_nudge(const struct handoff *handoff)
{
    int64_t now_us;
    struct handoff_header header = {.kind = HANDOFF_NUDGE};

    if (atomic_exchange(&handoff->board->is_nudged, 1) != 0)
        return;
    now_us = clock_now_us();
    header.arrived_us = now_us;
    header.enqueued_us = now_us;
    if (handoff_give(handoff, &header, NULL, 0, -1, -1) < 0) /* full: all will look at it anyway */
        atomic_store(&handoff->board->is_nudged, 0);
}

void handoff_pass_on(const struct handoff *handoff)
{
    struct handoff_header header;

    if (handoff_row_end(handoff) < 2 || handoff_peek(handoff, &header) != 1)
        return;
    atomic_store(&handoff->board->is_nudged, 0);
    handoff_nudge(handoff);
}

uint32_t handoff_tell_unaccepted(const struct handoff *handoff)
{
    uint32_t unaccepted = atomic_fetch_add(&handoff->board->unaccepted, 1) + 1;

    handoff_nudge(handoff);
    return unaccepted;
}

void handoff_set_row_end(const struct handoff *handoff, size_t row_end)
{
    atomic_store(&handoff->board->row_end, (uint32_t)row_end);
}

size_t handoff_row_end(const struct handoff *handoff)
{
    size_t end = atomic_load_explicit(&handoff->board->row_end, memory_order_relaxed);

    return end < handoff->row_count ? end : handoff->row_count; /* every worker can write there */
}

void handoff_clear_row(const struct handoff *handoff, size_t row)
{
    atomic_store(&handoff->board->rows[row].is_waiting, 0);
    atomic_store(&handoff->board->rows[row].is_serving, 0);
    atomic_store(&handoff->board->rows[row].load, 0);
    atomic_store(&handoff->board->rows[row].rate, 0);
}

bool handoff_has_idle_sibling(const struct handoff *handoff, size_t row)
{
    const struct handoff_board *board = handoff->board;

    for (size_t i = 0, end = handoff_row_end(handoff); i < end; i++)
        if (i != row && atomic_load_explicit(&board->rows[i].is_waiting, memory_order_relaxed) != 0)
            return true;
    return false;
}
