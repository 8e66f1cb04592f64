/* SPDX-License-Identifier: MIT */
#include "h1_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "log.h"

enum { COMPLAINT_PAUSE_US = 60000000 };

void h1_spool_init(struct h1_spool *spool)
{
    *spool = (struct h1_spool){.piece.fd = -1};
}

void h1_spool_fini(struct h1_spool *spool)
{
    fd_close(&spool->piece.fd);
    h1_spool_init(spool);
}

bool h1_spool_has_room(const struct h1_spool *spool, uint64_t bytes, uint64_t limit_bytes)
{
    /* What has been sent counts as well: its space cannot be given back as long as any of it may be in flight, since
     * sendfile() hands the kernel the file's pages, not copies of them. */
    uint64_t used = spool->piece.left + (uint64_t)spool->piece.offset;

    return bytes <= limit_bytes && used <= limit_bytes - bytes;
}

static int write_pieces(int fd, const struct iovec *iov, int count, off_t at)
{
    size_t total = 0;
    int failed = 0;

    for (int i = 0; i < count; i++)
        total += iov[i].iov_len;
    if (pwritev(fd, iov, count, at) == (ssize_t)total)
        return 0;
    for (int i = 0; i < count && failed == 0; i++) {
        failed = fd_write_all_at(fd, iov[i].iov_base, iov[i].iov_len, at);
        at += (off_t)iov[i].iov_len;
    }
    return failed;
}

/* Where the disk is full, it is full for every response. */
static void complain(const char *directory, int error)
{
    static _Atomic(int64_t) next_us;
    int64_t now_us = clock_now_us(), due_us = atomic_load(&next_us);

    if (now_us < due_us || !atomic_compare_exchange_strong(&next_us, &due_us, now_us + COMPLAINT_PAUSE_US))
        return;
    log_warning("a response cannot be kept in a temporary file in %s (--body-temp-path): %s; applications wait for "
                "their slow clients instead",
                directory != NULL ? directory : "$TMPDIR or /tmp", strerror(error));
}

int h1_spool_write(struct h1_spool *spool, off_t end, const struct iovec *iov, int count, const char *directory)
{
    int failed = 0;

    if (spool->piece.fd < 0)
        failed = spool->piece.fd = fd_temporary_file(directory);
    if (failed >= 0)
        failed = write_pieces(spool->piece.fd, iov, count, end);
    else
        spool->piece.fd = -1;
    if (failed < 0)
        complain(directory, -failed);
    return failed;
}
