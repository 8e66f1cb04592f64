/* SPDX-License-Identifier: MIT
 * What the master's children tell it over their channels, and what it makes of that. Any of it may be a lie. */
#include "clock.h"
#include "death.h"
#include "fd.h"
#include "generation.h"
#include "log.h"
#include "master_priv.h"
#include "notice.h"
#include "recycle.h"

/* More than a channel holds; but a child that never stops talking does not keep the master from its signals. */
enum { NOTICES_AT_ONCE = 8192 };

static void learn_pid(struct master *master, struct slot *slot, pid_t pid)
{
    spawn_note_pid(master, slot, pid);
    /* Its end was decided before it had a pid to send a signal to. */
    if (slot->state == SLOT_KILLED && pid != master->reaped_pid)
        supervise_kill(master, slot);
}

static void kill_stuck_worker(struct master *master, struct slot *slot, int64_t now_us)
{
    char name[SLOT_NAME_BYTES], request[DEATH_TEXT_BYTES];

    log_error("%s does not end what has run for longer than --request-timeout: killed, %s",
              slot_format_name(slot, name),
              death_describe_requests(request, sizeof(request), master->scoreboard, slot->row, now_us));
    death_log_requests(LOG_LEVEL_ERROR, slot, master->scoreboard, now_us);
    supervise_kill(master, slot);
}

static void take_notice(struct master *master, struct slot *slot, const struct notice *notice)
{
    int64_t now_us = clock_now_us();

    switch ((enum notice_kind)notice->kind) {
    case NOTICE_SPAWNED:
    case NOTICE_HATCHED:
        learn_pid(master, slot, notice->pid);
        break;
    case NOTICE_SPAWN_FAILED:
        generation_note_failure(master, slot, "could not be forked");
        slot_end(slot, now_us);
        break;
    case NOTICE_READY:
        learn_pid(master, slot, notice->pid);
        if (slot->state == SLOT_STARTING)
            slot_become_ready(slot, now_us);
        break;
    case NOTICE_STUCK:
        learn_pid(master, slot, notice->pid);
        if (slot->state == SLOT_DRAINING)
            kill_stuck_worker(master, slot, now_us);
        break;
    case NOTICE_ASK_RELOAD:
        generation_ask_for_application(master, slot);
        break;
    case NOTICE_POKE:
    case NOTICE_ASK_STACKS: /* the monitor's alone */
    case NOTICE_KINDS:
        break;
    case NOTICE_BOOT_FAILED:
    case NOTICE_DRAINING:
        learn_pid(master, slot, notice->pid);
        /* It ends by itself, but not necessarily in our time: exit handlers and threads of the application see to that.
         */
        generation_note_failure(master, slot,
                                notice->kind == NOTICE_BOOT_FAILED ? "did not become ready: the reasons are above"
                                                                   : "was told to end by a signal");
        supervise_ending(master, slot);
        break;
    case NOTICE_RECYCLE:
        if (notice->cause == RESTART_MAX_REQUESTS || notice->cause == RESTART_RSS ||
            notice->cause == RESTART_REQUEST_TIMEOUT)
            recycle_ask(master, slot, (enum restart_cause)notice->cause);
        break;
    }
}

/* Whom the notice is about, or NULL: a message from the past, or a lie. A process speaks for itself; the zygote also
 * for a worker that it was to fork and that is not known yet. */
static struct slot *find_subject(const struct master *master, const struct slot *sender, const struct notice *notice)
{
    struct slot *subject = crew_find_serial(&master->crew, notice->number, notice->serial);
    bool is_birth = notice->kind == NOTICE_SPAWNED || notice->kind == NOTICE_SPAWN_FAILED;
    bool is_of_workers =
        notice->kind == NOTICE_STUCK || notice->kind == NOTICE_RECYCLE || notice->kind == NOTICE_ASK_RELOAD;

    if (is_of_workers && sender->number == 0)
        return NULL;
    if (is_birth)
        return sender->number == 0 && subject != NULL && subject->number > 0 && subject->pid == 0 &&
                       subject->generation == sender->generation
                   ? subject
                   : NULL;
    return subject == sender ? subject : NULL;
}

static void warn_of_rubbish(struct slot *sender)
{
    char name[SLOT_NAME_BYTES];

    if (!sender->has_sent_rubbish)
        log_warning("%s has written to the server's own channel what means nothing there: ignored (said once); the "
                    "application seems to write to descriptors that it has not opened",
                    slot_format_name(sender, name));
    sender->has_sent_rubbish = true;
}

void hear_child(struct master *master, struct slot *sender)
{
    struct notice notice;
    struct slot *subject;

    for (int i = 0; i < NOTICES_AT_ONCE && sender->control_fd >= 0; i++) {
        switch (notice_receive(sender->control_fd, &notice)) {
        case NOTICE_NONE:
            return;
        case NOTICE_ARRIVED:
            if (sender->number == SLOT_MONITOR) {
                monitor_keeper_take_notice(master, &notice);
                break;
            }
            subject = find_subject(master, sender, &notice);
            if (subject != NULL)
                take_notice(master, subject, &notice);
            break;
        case NOTICE_RUBBISH:
            warn_of_rubbish(sender);
            break;
        case NOTICE_OVER:
            fd_close(&sender->control_fd);
            break;
        }
    }
}

void hear_children(struct master *master)
{
    for (struct slot *slot = crew_first(&master->crew); slot != NULL; slot = crew_next(&master->crew, slot))
        hear_child(master, slot);
    hear_child(master, &master->monitor.slot);
}
