/* SPDX-License-Identifier: MIT */
#include "death.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "scoreboard.h"
#include "slot.h"

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

static double seconds_between(int64_t from_us, int64_t to_us)
{
    return to_us > from_us ? (double)(to_us - from_us) / 1e6 : 0;
}

const char *death_describe_request(char *text, size_t size, const struct scoreboard_row *row, int64_t now_us)
{
    struct scoreboard_request request;

    if (scoreboard_read_request(row, &request))
        snprintf(text, size, "while running \"%s\" of %s for %.1f s", request.line,
                 request.peer[0] != '\0' ? request.peer : "a local client",
                 seconds_between(request.started_us, now_us));
    else
        snprintf(text, size, "idle");
    return text;
}

const char *death_describe(char *text, const struct slot *slot, int wait_status, const struct scoreboard_row *row,
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
    if (row != NULL && slot->ready_us != 0) {
        len += (size_t)snprintf(text + len, size - len, ", ");
        death_describe_request(text + len, size - len, row, now_us);
    }
    return text;
}
