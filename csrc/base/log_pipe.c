/* SPDX-License-Identifier: MIT */
#include "log_pipe.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "clock.h"
#include "shared_lock.h"

enum { PIPES = 8, LOCK_WAIT_US = 3000000, WAIT_US = 1000000, SHORT_WAIT_US = 100000, IMPATIENT_US = 10000000 };

/* One pipe, by its descriptor: the logs have their numbers from before the first fork. */
struct pipe_state {
    int64_t impatient_until_us; /* lines were lost not long ago: room is hardly waited for */
    bool is_torn;               /* the last write ended in the middle of a line */
    _Atomic(uint32_t) lost_lines;
};

struct shared {
    struct shared_lock lock;
    struct pipe_state pipes[PIPES];
};

static struct shared *shared; /* by all processes; NULL before log_pipe_init */

void log_pipe_init(void)
{
    struct shared *made;

    if (shared != NULL)
        return;
    made = mmap(NULL, sizeof(*made), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (made != MAP_FAILED)
        shared = made;
}

bool log_pipe_is_one(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

/* Writes what there is room for; the descriptor itself stays as it is, for others have it too. The bytes written, or
 * -errno. */
static ssize_t write_now(int fd, const char *bytes, size_t len)
{
    struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
    ssize_t written = pwritev2(fd, &piece, 1, -1, RWF_NOWAIT);
    struct pollfd waiting = {.fd = fd, .events = POLLOUT};

    if (written >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL))
        return written >= 0 ? written : -errno;
    /* A kernel without the flag for pipes. Where poll() finds room there is as much as this. */
    if (poll(&waiting, 1, 0) <= 0)
        return -EAGAIN;
    written = write(fd, bytes, len < PIPE_BUF ? len : PIPE_BUF);
    return written >= 0 ? written : -errno;
}

/* How long room is waited for: a second; after a loss not at all, unless the reader has taken something. */
struct patience {
    bool is_short, has_progress;
    int64_t end_us, progress_us; /* the end of it all; when the last bytes found room */
};

static bool wait_for_room(const struct patience *patience, int fd)
{
    struct pollfd waiting = {.fd = fd, .events = POLLOUT};
    int64_t now_us = clock_now_us(), end_us = patience->end_us;

    if (patience->is_short && !patience->has_progress)
        return false;
    if (patience->is_short && end_us > patience->progress_us + SHORT_WAIT_US)
        end_us = patience->progress_us + SHORT_WAIT_US;
    return now_us < end_us && poll(&waiting, 1, (int)((end_us - now_us + 999) / 1000)) > 0;
}

/* Writes what finds room. Returns how many bytes: all of them where nobody reads. */
static size_t write_patiently(int fd, struct slice lines, struct patience *patience)
{
    size_t done = 0;

    while (done < lines.len) {
        ssize_t written = write_now(fd, lines.ptr + done, lines.len - done);

        if (written >= 0) {
            done += (size_t)written;
            patience->has_progress = true;
            patience->progress_us = clock_now_us();
        } else if (written == -EAGAIN) {
            if (!wait_for_room(patience, fd))
                return done;
        } else if (written != -EINTR) {
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

static bool write_locked(struct pipe_state *state, int fd, struct slice lines)
{
    int64_t now_us = clock_now_us();
    struct patience patience = {.is_short = now_us < state->impatient_until_us, .end_us = now_us + WAIT_US};
    size_t done = 0;

    if (!state->is_torn || write_patiently(fd, SLICE("\n"), &patience) == 1) {
        done = write_patiently(fd, lines, &patience);
        state->is_torn = done > 0 && done < lines.len && lines.ptr[done - 1] != '\n';
    }
    if (done == lines.len)
        return true;
    state->impatient_until_us = clock_now_us() + IMPATIENT_US;
    state->lost_lines += count_lines(slice_of(lines.ptr + done, lines.len - done));
    return false;
}

bool log_pipe_write(int fd, struct slice lines)
{
    struct pipe_state alone = {0};
    uint32_t mark;
    bool is_written;

    if (shared == NULL)
        return write_locked(&alone, fd, lines);
    mark = shared_lock_take(&shared->lock, LOCK_WAIT_US);
    is_written = write_locked(&shared->pipes[(unsigned)fd % PIPES], fd, lines);
    shared_lock_release(&shared->lock, mark);
    return is_written;
}

uint32_t log_pipe_take_lost(int fd)
{
    _Atomic(uint32_t) *lost_lines;

    if (shared == NULL)
        return 0;
    lost_lines = &shared->pipes[(unsigned)fd % PIPES].lost_lines;
    return *lost_lines == 0 ? 0 : atomic_exchange(lost_lines, 0);
}

void log_pipe_give_back_lost(int fd, uint32_t count)
{
    if (shared != NULL)
        shared->pipes[(unsigned)fd % PIPES].lost_lines += count;
}
