/* SPDX-License-Identifier: MIT */
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "config.h"
#include "fd.h"
#include "launch.h"
#include "listener.h"
#include "listening.h"
#include "log.h"
#include "master_priv.h"
#include "pidfile.h"
#include "slice.h"

static const int64_t NUDGE_FIRST_US = 20 * 1000;
static const int64_t NUDGE_LATER_US = 500 * 1000;

enum { QUICK_NUDGES = 100, MARGIN_US = 10 * 1000 * 1000, ERROR_BYTES = 1024, MESSAGE_BYTES = 512 };

struct handover {
    struct passing passing; /* owned; its channel is open until the old master has gone */
    char *text;             /* owned: what it was read from */
    bool shares_queue;
    bool is_pending; /* the old master serves */
    bool is_offered; /* it has been told that this one could */
    bool is_ours;    /* it has promised to let go */
    int nudges;
    int64_t nudge_us; /* when the next one is due; SLOT_NEVER */
};

/* --- What was passed --- */

static void close_on_exec(int fd)
{
    if (fd >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void keep_from_programs(const struct passing *passing)
{
    close_on_exec(passing->channel_fd);
    close_on_exec(passing->keeper_fd);
    close_on_exec(passing->take_fd);
    close_on_exec(passing->give_fd);
    for (size_t i = 0; i < passing->count; i++)
        close_on_exec(passing->listeners[i].fd);
}

/* How long this start may take, which the old master cannot know: the options may be others. */
static void tell_limit(const struct master *master, const struct handover *handover)
{
    const struct config *config = master->config;
    int64_t limit_us = config->boot_timeout_ms * 1000 * (config->preload ? 2 : 1);
    char text[64];
    int len = snprintf(text, sizeof(text), "limit %lld", (long long)(limit_us > 0 ? limit_us + MARGIN_US : 0));

    (void)!send(handover->passing.channel_fd, text, (size_t)len, MSG_NOSIGNAL);
}

/* Another variable of this name, or a copy of one, leads to no old master: nobody would ever say that it lets go. */
static bool is_channel(int fd)
{
    int type = 0;
    socklen_t len = sizeof(type);

    return fd > STDERR_FILENO && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

int handover_begin(struct master *master, char *error, size_t size)
{
    struct handover *handover;

    if (master->launch == NULL || master->launch->passed == NULL)
        return 0;
    handover = calloc(1, sizeof(*handover));
    master->handover = handover;
    if (handover == NULL || (handover->text = strdup(master->launch->passed)) == NULL) {
        snprintf(error, size, "not enough memory");
        return -1;
    }
    handover->nudge_us = SLOT_NEVER;
    handover->is_pending = true;
    if (passing_parse(&handover->passing, handover->text) < 0 || !is_channel(handover->passing.channel_fd)) {
        snprintf(error, size,
                 LAUNCH_PASSED " is not what a running server passes to the one that follows it; expected "
                               "this variable not to be set by anybody else");
        return -1;
    }
    keep_from_programs(&handover->passing);
    tell_limit(master, handover);
    log_info("taking over from master %d, which serves until all is ready", (int)handover->passing.from);
    return 0;
}

/* --- Listeners --- */

size_t handover_count(const struct handover *handover, enum passed_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; handover != NULL && i < handover->passing.count; i++)
        count += handover->passing.listeners[i].kind == kind;
    return count;
}

bool handover_is_activated(const struct handover *handover, enum passed_kind kind)
{
    for (size_t i = 0; handover != NULL && i < handover->passing.count; i++) {
        if (handover->passing.listeners[i].kind == kind && handover->passing.listeners[i].is_kept)
            return true;
    }
    return false;
}

static const char *path_of(const char *address)
{
    return strncmp(address, "unix:", 5) == 0 ? address + 5 : address;
}

/* Whether the options still want it, and what they name is the same thing: a path may lead elsewhere by now. */
static bool is_wanted(const struct passed_listener *passed, const struct config_list *addresses)
{
    if (passed->is_kept)
        return true;
    if (passed->inode != 0 && !listener_is_file(path_of(passed->address), passed->device, passed->inode))
        return false;
    for (size_t i = 0; i < addresses->count; i++) {
        if (strcmp(addresses->items[i], passed->address) == 0)
            return true;
    }
    return false;
}

static void name(struct listener *listener, const struct passed_listener *passed)
{
    snprintf(listener->address, sizeof(listener->address), "%s", passed->address);
    if (passed->inode == 0)
        return;
    snprintf(listener->path, sizeof(listener->path), "%s", path_of(passed->address));
    listener->device = passed->device;
    listener->inode = passed->inode;
}

int handover_open(struct master *master, const struct listening *listening, struct listener *listeners, size_t *count,
                  char *error, size_t size)
{
    struct handover *handover = master->handover;

    for (size_t i = 0; handover != NULL && i < handover->passing.count; i++) {
        struct passed_listener *passed = &handover->passing.listeners[i];
        struct listener *listener = &listeners[*count];

        if (passed->kind != listening->kind || !is_wanted(passed, listening->addresses))
            continue;
        if (listener_adopt(listener, passed->fd, error, size) < 0)
            return -1;
        ++*count;
        name(listener, passed);
        if (!passed->is_kept)
            (void)!listen(listener->fd, listening->backlog);
        passed->is_taken = true;
        log_info("%s at %s (taken over)", listening->purpose, listener->url);
    }
    return 0;
}

int handover_open_one(struct master *master, enum passed_kind kind, const char *address, struct listener *listener,
                      char *error, size_t size)
{
    const char *items[] = {address};
    const struct config_list addresses = {.items = items, .count = 1};
    const struct listening listening = {.kind = kind, .purpose = "control", .addresses = &addresses, .backlog = 64};
    size_t count = 0;

    return handover_open(master, &listening, listener, &count, error, size) < 0 ? -1 : (int)count;
}

bool handover_has_taken(const struct handover *handover, enum passed_kind kind, const char *address)
{
    for (size_t i = 0; handover != NULL && i < handover->passing.count; i++) {
        const struct passed_listener *passed = &handover->passing.listeners[i];

        if (passed->kind == kind && passed->is_taken && strcmp(passed->address, address) == 0)
            return true;
    }
    return false;
}

void handover_settle(struct master *master)
{
    struct passing *passing = master->handover != NULL ? &master->handover->passing : NULL;

    for (size_t i = 0; passing != NULL && i < passing->count; i++) {
        if (!passing->listeners[i].is_taken)
            fd_close(&passing->listeners[i].fd);
    }
}

/* --- The queue --- */

/* What waits in it names its listener by its place among all of them, so none may be missing. */
static bool can_share_queue(const struct master *master)
{
    const struct handover *handover = master->handover;

    if (handover == NULL || handover->passing.queue_format != handoff_format())
        return false;
    for (size_t i = 0; i < handover->passing.count; i++) {
        const struct passed_listener *passed = &handover->passing.listeners[i];

        if (passed->kind == PASSED_BIND && !is_wanted(passed, &master->config->bind))
            return false;
    }
    return true;
}

int handover_open_queue(struct master *master, size_t row_count)
{
    struct handover *handover = master->handover;
    struct passing *passing = handover != NULL ? &handover->passing : NULL;
    int result;

    if (can_share_queue(master)) {
        result = handoff_join(&master->handoff, row_count, passing->take_fd, passing->give_fd);
        handover->shares_queue = result == 0;
    } else {
        result = handoff_open(&master->handoff, row_count);
        if (passing != NULL) {
            fd_close(&passing->take_fd);
            fd_close(&passing->give_fd);
        }
    }
    return result;
}

/* --- Beginning to serve --- */

bool handover_is_pending(const struct master *master)
{
    return master->handover != NULL && master->handover->is_pending;
}

/* From now on all of it is ours to end. */
static void own_listeners(struct listener *listeners, size_t count, const struct handover *handover,
                          enum passed_kind kind)
{
    if (handover_is_activated(handover, kind))
        return;
    for (size_t i = 0; i < count; i++)
        listeners[i].is_kept = false;
}

/* "ready 1 110": the queue is shared; of the listeners that were passed the first and the second go on. */
static void offer(struct master *master)
{
    struct handover *handover = master->handover;
    size_t count = handover->passing.count;
    char *text = malloc(count + sizeof("ready 1 "));
    int len;

    if (text == NULL)
        return;
    len = sprintf(text, "ready %d ", handover->shares_queue);
    for (size_t i = 0; i < count; i++)
        text[len++] = handover->passing.listeners[i].is_taken ? '1' : '0';
    handover->is_offered = send(handover->passing.channel_fd, text, (size_t)len, MSG_NOSIGNAL) == len;
    free(text);
}

static void give_up(struct master *master, const char *why)
{
    log_critical("%s: master %d serves on", why, (int)master->handover->passing.from);
    master->exit_status = CHILD_EXIT_APP;
    supervise_kill_all(master);
}

static bool has_broken(const struct master *master)
{
    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot)) {
        if (slot_is_broken(slot))
            return true;
    }
    return false;
}

/* Not before, as the file names the old master for as long as that one serves. */
static bool take_pidfile(struct master *master)
{
    const char *path = master->config->pid;
    char error[ERROR_BYTES];

    if (path == NULL)
        return true;
    if (pidfile_take_over(path, master->handover->passing.from, error, sizeof(error)) < 0) {
        give_up(master, error);
        return false;
    }
    master->has_pidfile = true;
    return true;
}

static void begin_to_serve(struct master *master)
{
    struct handover *handover = master->handover;

    handover->is_pending = false;
    handover->nudge_us = handover->passing.channel_fd >= 0 ? clock_now_us() : SLOT_NEVER;
    if (!master->has_pidfile)
        (void)take_pidfile(master);
    own_listeners(master->listeners, master->listener_count, handover, PASSED_BIND);
    own_listeners(master->monitor.listeners, master->monitor.listener_count, handover, PASSED_METRICS);
    own_listeners(&master->monitor.control, 1, handover, PASSED_CONTROL);
}

/* The old master lets go, or has gone. */
static void read_channel(struct master *master)
{
    struct handover *handover = master->handover;
    char text[MESSAGE_BYTES];
    ssize_t len = recv(handover->passing.channel_fd, text, sizeof(text), MSG_DONTWAIT);

    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len <= 0) {
        fd_close(&handover->passing.channel_fd);
        handover->nudge_us = SLOT_NEVER;
        if (handover->is_pending)
            log_warning("master %d has gone: this one takes its place", (int)handover->passing.from);
    }
    if (len > 0 && slice_equal(slice_of(text, (size_t)len), slice_of_string(PASSING_PROMISE)))
        handover->is_ours = true;
    else if (handover->is_pending && (len <= 0 || handover->is_offered))
        begin_to_serve(master);
}

/* From now on the old master cannot let go. Whether it had not promised to. */
static bool withdraw(const struct handover *handover)
{
    char text[MESSAGE_BYTES];

    if (handover->is_ours)
        return false;
    shutdown(handover->passing.channel_fd, SHUT_RDWR);
    return recv(handover->passing.channel_fd, text, sizeof(text), MSG_DONTWAIT) <= 0;
}

bool handover_stop(struct master *master)
{
    if (!handover_is_pending(master) || !master->handover->is_offered)
        return false;
    read_channel(master);
    if (handover_is_pending(master) && !withdraw(master->handover))
        begin_to_serve(master);
    return !handover_is_pending(master);
}

/* The kernel may wake an old worker for a connection that it does not accept any more, and nobody else. */
static void nudge(struct master *master)
{
    struct handover *handover = master->handover;
    int64_t now_us = clock_now_us();

    if (handover->nudge_us > now_us)
        return;
    (void)handoff_tell_unaccepted(&master->handoff);
    handover->nudge_us = now_us + (++handover->nudges < QUICK_NUDGES ? NUDGE_FIRST_US : NUDGE_LATER_US);
}

bool handover_step(struct master *master)
{
    struct handover *handover = master->handover;

    if (handover == NULL || handover->passing.channel_fd < 0)
        return false;
    read_channel(master);
    if (handover->is_pending && !handover->is_offered) {
        if (has_broken(master))
            give_up(master, "a worker could not be started; the reasons are above");
        else if (crew_are_all(&master->crew, master->generation, SLOT_HELD) && take_pidfile(master))
            offer(master);
    }
    if (!handover->is_pending)
        nudge(master);
    return handover->is_pending;
}

/* --- For the loop --- */

/* While the server stops nobody takes steps: what the old master does is of no interest any more. */
static bool takes_steps(const struct master *master)
{
    return master->handover != NULL && master->phase == MASTER_RUNNING;
}

int handover_watched_fd(const struct master *master)
{
    return takes_steps(master) ? master->handover->passing.channel_fd : -1;
}

int64_t handover_next_us(const struct master *master)
{
    return takes_steps(master) ? master->handover->nudge_us : SLOT_NEVER;
}

int handover_keeper_fd(const struct master *master)
{
    return master->handover != NULL ? master->handover->passing.keeper_fd : -1;
}

void handover_close_in_child(struct master *master)
{
    if (master->handover == NULL)
        return;
    fd_close(&master->handover->passing.channel_fd);
    fd_close(&master->handover->passing.keeper_fd);
}

void handover_free(struct master *master)
{
    if (master->handover == NULL)
        return;
    handover_close_in_child(master);
    passing_fini(&master->handover->passing);
    free(master->handover->text);
    free(master->handover);
    master->handover = NULL;
}
