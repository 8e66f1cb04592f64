/* SPDX-License-Identifier: MIT
 * What the client of a connection has not taken yet: bytes in memory, behind them bytes in a temporary file, behind
 * them perhaps a piece of a file of the application. Nothing here waits for the client.
 *
 * The app thread that runs the connection's request pushes, while another thread, which drives the loop, may drain what
 * is there: h1_output_push, _append_file and _drain take the lock. As long as nothing has been pushed, the app thread
 * sends by itself (h1_output_send) and pays for no lock. All other functions are for whoever owns the connection alone.
 */
#ifndef CLUTCH_H1_OUTPUT_H
#define CLUTCH_H1_OUTPUT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "attrs.h"
#include "buf.h"
#include "h1_limits.h"
#include "h1_spool.h"

enum io_result { IO_DONE, IO_AGAIN, IO_MORE, IO_FAILED };

/* As much a drain sends at a time: a client that takes whatever comes must not keep the others waiting. */
enum { H1_OUTPUT_TURN_BYTES = 256 * 1024 };

struct h1_output {
    /* Set by the owner after h1_output_init; may be NULL. The app thread is about to queue for the first time in its
     * response: from now on somebody should drain whenever the socket is writable; or now, when is_writable. Called
     * without the lock. */
    void (*on_behind)(struct h1_output *, bool is_writable);
    pthread_mutex_t mutex;
    struct buf bytes;
    size_t sent; /* of bytes */
    struct h1_spool spool;
    struct h1_file_piece file;     /* of the application */
    bool is_spooling;              /* the app thread writes to the spool, without the lock */
    bool has_spool_failed;         /* not to be tried again while the client is behind */
    bool is_app_waiting;           /* the app thread has more than there is room for */
    bool is_cut_short;             /* the last drain ended with IO_MORE or IO_FAILED: no event will tell again */
    bool has_progress;             /* something was taken since this was last cleared */
    _Atomic(int64_t) congested_us; /* since when the client has been behind; 0: it is not */
    _Atomic(uint64_t) taken_bytes; /* by the client since then */
};

void h1_output_init(struct h1_output *);
void h1_output_fini(struct h1_output *);
bool h1_output_is_empty(const struct h1_output *);

/* Sends from `iov`, which is advanced: *iov and *count say what is left. IO_AGAIN: the socket is full. IO_FAILED: the
 * client is gone. MSG_MORE in `flags`: the end of the connection follows at once, and leaves with the last bytes. */
enum io_result h1_output_send(int socket_fd, struct iovec **iov, int *count, int flags);

/* Sends what waits, then from `iov`; what the socket does not take is copied to memory up to
 * settings->response_memory_bytes, else to the temporary file up to settings->response_file_bytes. IO_DONE: all is sent
 * or queued. IO_AGAIN: no room; *iov and *count say what is left; call again when the socket is writable. */
enum io_result h1_output_push(struct h1_output *, const struct h1_settings *, int socket_fd, struct iovec **iov,
                              int *count);

/* Queues a file piece behind everything, once in a response, as its end; duplicates `fd`. To be followed by
 * h1_output_drain. 0 or -errno. */
int h1_output_append_file(struct h1_output *, int fd, off_t offset, uint64_t length) MUST_CHECK;

/* Sends what the socket takes. IO_DONE: nothing waits any more. IO_MORE: it may take more, but this is enough for now:
 * to be called again, after others have had their turns. */
enum io_result h1_output_drain(struct h1_output *, int socket_fd);

/* Whether the client, having been behind for more than settings->send_timeout_us, has taken less than
 * settings->send_rate_bytes a second. To be asked after a drain or push that ended with IO_AGAIN, by any thread. */
bool h1_output_is_too_slow(const struct h1_output *, const struct h1_settings *, int64_t now_us);

/* Grows with every byte taken while the client is behind. By any thread. */
uint64_t h1_output_taken(const struct h1_output *);

/* Says in the log that a file of the application ends before the response does, or what keeps it from being read: an
 * errno. */
void h1_output_tell_short(int error);

#endif
