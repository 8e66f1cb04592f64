/* SPDX-License-Identifier: MIT */
#include "role_signals.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "stacks_signal.h"

enum phase { PHASE_LOADING, PHASE_ZYGOTE, PHASE_SERVING };

/* Of this process; read by the handler. */
static volatile sig_atomic_t phase = PHASE_LOADING;
static volatile sig_atomic_t was_told;
static volatile sig_atomic_t told_fd = -1;
static volatile sig_atomic_t owner; /* the pid that all this belongs to */

static const int ending_signals[] = {SIGTERM, SIGINT, SIGQUIT};

/* Those that mean nothing here, but are sent to the whole group by habit: they must do no harm. */
static const int pointless_signals[] = {SIGHUP, SIGUSR1, SIGUSR2};

static const int ignored_signals[] = {SIGPIPE, SIGXFSZ, SIGTTIN, SIGTTOU};

/* What the master does something else for than to end. */
static const int master_signals[] = {SIGCHLD, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU};

static void handle(const int *signals, size_t count, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < count; i++)
        sigaction(signals[i], &action, NULL);
}

/* Whatever the process that started the server had set: an ignored SIGCHLD, say, would leave no child to wait for. */
static void set_dispositions(void (*on_ending)(int), void (*on_pointless)(int))
{
    handle(ending_signals, ARRAY_COUNT(ending_signals), on_ending);
    handle(pointless_signals, ARRAY_COUNT(pointless_signals), on_pointless);
    handle(ignored_signals, ARRAY_COUNT(ignored_signals), SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
}

int role_signals_open(void)
{
    sigset_t set;
    int fd;

    set_dispositions(SIG_DFL, SIG_IGN);
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_COUNT(master_signals); i++)
        sigaddset(&set, master_signals[i]);
    for (size_t i = 0; i < ARRAY_COUNT(ending_signals); i++)
        sigaddset(&set, ending_signals[i]);
    if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
        return -errno;
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd >= 0 ? fd : -errno;
}

int role_signals_next(int signal_fd)
{
    struct signalfd_siginfo info;

    if (read(signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return 0;
    return (int)info.ssi_signo;
}

/* A process that the application forked has our handlers and descriptors, but is none of ours: to end it, as its parent
 * wants, must not end the worker. */
static void die_by_default(int number)
{
    signal(number, SIG_DFL);
    raise(number);
}

static void on_ending_signal(int number)
{
    const uint64_t one = 1;
    int saved_errno = errno;

    if (getpid() != owner) {
        die_by_default(number);
        return;
    }
    if (phase == PHASE_ZYGOTE && number == SIGINT)
        return;
    if (phase != PHASE_SERVING || number == SIGQUIT || was_told)
        _exit(role_signals_exit_status(number));
    was_told = 1;
    (void)!write(told_fd, &one, sizeof(one));
    errno = saved_errno;
}

/* Caught rather than ignored: programs that the application starts would inherit it if they were ignored. */
static void on_pointless_signal(int number)
{
    (void)number;
}

void role_signals_become_child(void)
{
    sigset_t none;

    phase = PHASE_LOADING;
    was_told = 0;
    owner = getpid();
    set_dispositions(on_ending_signal, on_pointless_signal);
    handle((const int[]){STACKS_SIGNAL}, 1, on_pointless_signal); /* until Python does something about it */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

void role_signals_become_zygote(void)
{
    phase = PHASE_ZYGOTE;
}

int role_signals_become_worker(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0)
        return -errno;
    told_fd = fd;
    owner = getpid();
    phase = PHASE_SERVING;
    return fd;
}
