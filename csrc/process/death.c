/* SPDX-License-Identifier: MIT */
#include "death.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "exchange.h"
#include "scoreboard.h"
#include "slot.h"
#include "stacks.h"

const char *death_signal_name(int signal_number)
{
    /* strsignal() speaks the user's language and sigabbrev_np() is glibc's alone; operators search for these. */
    static const char *const names[] = {
        [SIGHUP] = "SIGHUP",   [SIGINT] = "SIGINT",   [SIGQUIT] = "SIGQUIT", [SIGILL] = "SIGILL",
        [SIGTRAP] = "SIGTRAP", [SIGABRT] = "SIGABRT", [SIGBUS] = "SIGBUS",   [SIGFPE] = "SIGFPE",
        [SIGKILL] = "SIGKILL", [SIGUSR1] = "SIGUSR1", [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",
        [SIGPIPE] = "SIGPIPE", [SIGALRM] = "SIGALRM", [SIGTERM] = "SIGTERM", [SIGXCPU] = "SIGXCPU",
        [SIGXFSZ] = "SIGXFSZ", [SIGSYS] = "SIGSYS",   [SIGPROF] = "SIGPROF", [SIGVTALRM] = "SIGVTALRM",
        [SIGIO] = "SIGIO",     [SIGPWR] = "SIGPWR",   [SIGCHLD] = "SIGCHLD",
    };

    if (signal_number <= 0 || (size_t)signal_number >= ARRAY_COUNT(names) || names[signal_number] == NULL)
        return "an unknown signal";
    return names[signal_number];
}

const char *death_phase_words(uint32_t phase)
{
    switch (phase) {
    case EXCHANGE_GIL:
        return "waiting for the GIL";
    case EXCHANGE_APP:
        return "in the application";
    case EXCHANGE_WRITE:
        return "sending its response";
    default:
        return "at its beginning";
    }
}

static double seconds_between(int64_t from_us, int64_t to_us)
{
    return to_us > from_us ? ((double)to_us - (double)from_us) / 1e6 : 0; /* a worker may have written anything */
}

/* Writes `"GET /x" of 127.0.0.1:40112 for 2.1 s, in the application`, and how much of the response had gone where that
 * is known; false when the app thread is idle. */
static bool describe_request(char *text, size_t size, const struct scoreboard_thread *row, int64_t now_us)
{
    struct scoreboard_request request;
    int len;

    if (!scoreboard_read_request(row, &request))
        return false;
    len = snprintf(text, size, "\"%s\" of %s for %.1f s, %s", request.line,
                   request.peer[0] != '\0' ? request.peer : "a local client",
                   seconds_between(request.started_us, now_us), death_phase_words(request.phase));
    if (request.sent_bytes > 0 && len > 0 && (size_t)len < size)
        snprintf(text + len, size - (size_t)len, ", %" PRIu64 " bytes into the body of its response",
                 request.sent_bytes);
    return true;
}

const char *death_describe_requests(char *text, size_t size, const struct scoreboard *scoreboard, int row,
                                    int64_t now_us)
{
    char request[DEATH_TEXT_BYTES];
    int running = 0;

    for (int thread = 0; thread < scoreboard->thread_count; thread++)
        running += describe_request(request, sizeof(request), scoreboard_thread(scoreboard, row, thread), now_us);
    if (running == 0)
        snprintf(text, size, "idle");
    else if (running == 1)
        snprintf(text, size, "while running %s", request);
    else
        snprintf(text, size, "while running %d requests", running);
    return text;
}

/* A worker may have written anything. */
static int64_t count_connections(const struct h1_counts *counts)
{
    int64_t count = 0;

    for (int wait = 0; wait < WAIT_COUNT; wait++) {
        int32_t some = atomic_load(&counts->waiting[wait]);

        count += some > 0 ? some : 0;
    }
    return count;
}

const char *death_describe_delay(char *text, size_t size, const struct scoreboard *scoreboard, int row, int64_t now_us)
{
    const struct scoreboard_row *worker = scoreboard_row(scoreboard, row);
    int64_t connections = count_connections(&worker->connections);

    if (scoreboard_count_running(scoreboard, row) > 0)
        return death_describe_requests(text, size, scoreboard, row, now_us);
    if (atomic_load(&worker->has_finished) != 0)
        snprintf(text, size,
                 "after its last request: a thread, an exit handler or on_worker_stop of the application "
                 "does not end");
    else if (connections > 0)
        snprintf(text, size, "idle, while %" PRId64 " connection%s open", connections,
                 connections == 1 ? " is" : "s are");
    else
        snprintf(text, size, "idle");
    return text;
}

void death_log_requests(enum log_level level, const struct slot *slot, const struct scoreboard *scoreboard,
                        int64_t now_us)
{
    int running = scoreboard_count_running(scoreboard, slot->row), told = 0;
    char name[SLOT_NAME_BYTES], request[DEATH_TEXT_BYTES];

    if (running < 2)
        return;
    slot_format_name(slot, name);
    for (int thread = 0; thread < scoreboard->thread_count && told < DEATH_MOST_REQUESTS; thread++) {
        if (describe_request(request, sizeof(request), scoreboard_thread(scoreboard, slot->row, thread), now_us)) {
            LOG_AT(level, "%s was running %s", name, request);
            told++;
        }
    }
    if (running > told)
        LOG_AT(level, "%s was running %d more", name, running - told);
}

/* Whether a request that the worker runs, or ran, had begun by then. */
static bool was_running(const struct scoreboard *scoreboard, int row, int64_t at_us)
{
    for (int thread = 0; thread < scoreboard->thread_count; thread++) {
        int64_t started_us = atomic_load(&scoreboard_thread(scoreboard, row, thread)->request_started_us);

        if (started_us != 0 && started_us <= at_us)
            return true;
    }
    return false;
}

void death_log_stacks(enum log_level level, const struct slot *slot, const struct scoreboard *scoreboard,
                      int64_t now_us)
{
    char name[SLOT_NAME_BYTES], *text = log_is_enabled(level) ? malloc(STACKS_BYTES) : NULL;
    int64_t taken_us = 0;
    size_t len = text != NULL ? stacks_read(scoreboard, slot->row, text, &taken_us) : 0;

    if (len > 0 && was_running(scoreboard, slot->row, taken_us)) {
        const struct log_report report = {
            .level = level, .details_name = "code.stacktrace", .details = slice_of(text, len)};

        log_report(&report,
                   "%s: the last stacks of its Python threads, taken %.1f s ago:", slot_format_name(slot, name),
                   seconds_between(taken_us, now_us));
    }
    free(text);
}

const char *death_describe(char *text, const struct slot *slot, int wait_status, const struct scoreboard *scoreboard,
                           int64_t now_us)
{
    char name[SLOT_NAME_BYTES];
    double age = seconds_between(slot->started_us, now_us);
    size_t size = DEATH_TEXT_BYTES;
    size_t len;

    slot_format_name(slot, name);
    if (WIFSIGNALED(wait_status))
        len = (size_t)snprintf(text, size, "%s was killed by signal %d (%s), age %.1f s", name, WTERMSIG(wait_status),
                               death_signal_name(WTERMSIG(wait_status)), age);
    else
        len = (size_t)snprintf(text, size, "%s exited with status %d, age %.1f s", name, WEXITSTATUS(wait_status), age);
    if (slot->number > 0 && slot->ready_us != 0) {
        len += (size_t)snprintf(text + len, size - len, ", ");
        death_describe_requests(text + len, size - len, scoreboard, slot->row, now_us);
    }
    return text;
}
