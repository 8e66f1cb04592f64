/* SPDX-License-Identifier: MIT
 * Runs in callbacks of the loop, on whichever thread drives; and a signal handler. */
#include "worker_stacks.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "fd.h"
#include "gateway.h"
#include "h1_server.h"
#include "log.h"
#include "scoreboard.h"
#include "stacks.h"
#include "stacks_text.h"

enum {
    POLITE_US = 50 * 1000,  /* for the dump by somebody with the GIL */
    FORCED_US = 200 * 1000, /* for the main thread to take a signal */
    PIECE_BYTES = 16384,
};

enum stage { STAGE_IDLE, STAGE_POLITE, STAGE_FORCED };

struct worker_stacks {
    struct worker_stacks_place place;
    int asked_fd; /* owned: readable when the signal came */
    int timer_fd; /* owned */
    int dump_fd;  /* of the gateway */
    struct buf text;
    enum stage stage;
    bool is_for_log;
    bool is_due; /* asked for once more while a dump was under way */
    void (*on_end)(void *context);
    void *context;
};

/* --- The signal --- */

static volatile sig_atomic_t signalled_fd = -1;

/* What the signal did before: the gateway's own, which lasts longer. */
static struct sigaction action_before;

static void on_signal(int number)
{
    const uint64_t one = 1;
    int saved_errno = errno;

    (void)number;
    (void)!write(signalled_fd, &one, sizeof(one));
    errno = saved_errno;
}

static void take_signal(int fd)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    signalled_fd = fd;
    sigemptyset(&action.sa_mask);
    sigaction(STACKS_SIGNAL, &action, &action_before);
}

/* --- The result --- */

static void add(struct worker_stacks *stacks, struct slice piece)
{
    size_t room = STACKS_BYTES - stacks->text.len;

    piece.len = piece.len < room ? piece.len : room;
    if (buf_append(&stacks->text, piece) < 0)
        stacks->text.len = 0;
}

static void read_dump(struct worker_stacks *stacks)
{
    char piece[PIECE_BYTES];
    ssize_t got;

    while ((got = read(stacks->dump_fd, piece, sizeof(piece))) > 0)
        add(stacks, slice_of(piece, (size_t)got));
}

static void write_log(const struct slice text)
{
    const struct log_report report = {.level = LOG_LEVEL_WARNING, .details_name = "code.stacktrace", .details = text};

    if (!log_is_enabled(LOG_LEVEL_WARNING))
        return;
    if (text.len == 0)
        log_warning("the stacks of this worker's Python threads cannot be had: its main thread takes no signals");
    else
        log_report(&report, "the stacks of this worker's Python threads:");
}

static void set_timer(const struct worker_stacks *stacks, int64_t delay_us)
{
    const struct itimerspec when = {
        .it_value = {.tv_sec = delay_us / 1000000, .tv_nsec = delay_us % 1000000 * 1000},
    };

    timerfd_settime(stacks->timer_fd, 0, &when, NULL);
}

static void start(struct worker_stacks *stacks)
{
    stacks->is_due = false;
    stacks->stage = STAGE_POLITE;
    stacks->text.len = 0;
    set_timer(stacks, POLITE_US);
    stacks->place.ops->stacks_ask(stacks->place.gateway, false);
}

static void finish(struct worker_stacks *stacks)
{
    struct slice text = stacks_text_trim(buf_slice(&stacks->text));
    void (*on_end)(void *) = stacks->on_end;
    bool is_for_log = stacks->is_for_log;
    uint32_t ticket;

    set_timer(stacks, 0);
    stacks->stage = STAGE_IDLE;
    stacks->on_end = NULL;
    stacks->is_for_log = false;
    /* A signal that the board knows nothing of is an operator's. */
    if (!stacks_is_asked(stacks->place.scoreboard, stacks->place.row, &ticket))
        is_for_log = true;
    if (is_for_log)
        write_log(text);
    /* Behind it: a master that waits for the stacks kills this worker now. */
    stacks_write(stacks->place.scoreboard, stacks->place.row, text, ticket, clock_now_us());
    buf_fini(&stacks->text);
    if (on_end != NULL)
        on_end(stacks->context);
    if (stacks->is_due && stacks->stage == STAGE_IDLE)
        start(stacks);
}

/* --- Events --- */

/* Looks in between: a dump that is complete only after that makes the descriptor readable once more. */
static bool take_dump(struct worker_stacks *stacks)
{
    read_dump(stacks);
    if (stacks->stage == STAGE_IDLE || !stacks->place.ops->stacks_is_done(stacks->place.gateway))
        return false;
    read_dump(stacks);
    finish(stacks);
    return true;
}

static void on_dump(void *context, int fd)
{
    (void)fd;
    (void)take_dump(context);
}

static void on_timer(void *context, int fd)
{
    struct worker_stacks *stacks = context;
    uint64_t count;

    if (read(fd, &count, sizeof(count)) < 0 || stacks->stage == STAGE_IDLE || take_dump(stacks))
        return;
    set_timer(stacks, FORCED_US);
    if (stacks->stage == STAGE_POLITE) {
        stacks->stage = STAGE_FORCED;
        stacks->place.ops->stacks_ask(stacks->place.gateway, true);
    } else if (stacks->place.ops->stacks_drop(stacks->place.gateway)) {
        finish(stacks);
    }
}

static void want(struct worker_stacks *stacks)
{
    if (stacks->stage == STAGE_IDLE)
        start(stacks);
    else
        stacks->is_due = true;
}

static void on_asked(void *context, int fd)
{
    uint64_t count;

    if (read(fd, &count, sizeof(count)) > 0)
        want(context);
}

void worker_stacks_log(struct worker_stacks *stacks, void (*on_end)(void *context), void *context)
{
    stacks->is_for_log = true;
    stacks->on_end = on_end;
    stacks->context = context;
    if (stacks->stage == STAGE_IDLE)
        start(stacks);
}

/* --- Life --- */

static bool watch(struct worker_stacks *stacks)
{
    struct h1_server *server = stacks->place.server;

    stacks->asked_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    stacks->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return stacks->asked_fd >= 0 && stacks->timer_fd >= 0 &&
           h1_server_watch(server, stacks->asked_fd, on_asked, stacks) == 0 &&
           h1_server_watch(server, stacks->timer_fd, on_timer, stacks) == 0 &&
           h1_server_watch(server, stacks->dump_fd, on_dump, stacks) == 0;
}

struct worker_stacks *worker_stacks_open(const struct worker_stacks_place *place)
{
    struct worker_stacks *stacks = calloc(1, sizeof(*stacks));

    if (stacks != NULL) {
        stacks->place = *place;
        stacks->asked_fd = stacks->timer_fd = -1;
        stacks->dump_fd = place->ops->stacks_fd(place->gateway);
        if (stacks->dump_fd >= 0 && watch(stacks)) {
            take_signal(stacks->asked_fd);
            return stacks;
        }
        worker_stacks_close(stacks);
    }
    log_error("not enough memory or descriptors to be able to show stacks");
    return NULL;
}

void worker_stacks_close(struct worker_stacks *stacks)
{
    if (stacks == NULL)
        return;
    if (stacks->asked_fd >= 0) {
        sigaction(STACKS_SIGNAL, &action_before, NULL);
        signalled_fd = -1;
    }
    fd_close(&stacks->asked_fd);
    fd_close(&stacks->timer_fd);
    buf_fini(&stacks->text);
    free(stacks);
}
