/* SPDX-License-Identifier: MIT
 * Runs on the watchdog's thread with the GIL, in a signal handler of the main thread without it, and on whichever
 * thread drives the loop. */
#include "python_stacks.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "fd.h"

enum { SIGNAL_OFFSET = 8 }; /* from SIGRTMIN; the worker's own is in board/stacks.h */

enum state { STATE_IDLE, STATE_WANTED, STATE_DUMPING, STATE_DONE };

/* For the handler. */
static struct python_stacks *handled;
static void (*dump_by_faulthandler)(int);

/* Of the two that may dump, one does. */
static bool begin(struct python_stacks *stacks)
{
    uint32_t expected = STATE_WANTED;

    return atomic_compare_exchange_strong(&stacks->state, &expected, STATE_DUMPING);
}

/* The byte wakes the reader, who may have read all else before it looked at the state; where the pipe is full, it is
 * awake. */
static void end(struct python_stacks *stacks)
{
    atomic_store(&stacks->state, STATE_DONE);
    (void)!write(stacks->ends[1], "\n", 1);
}

static void on_signal(int number)
{
    int saved_errno = errno;

    if (begin(handled)) {
        dump_by_faulthandler(number);
        end(handled);
    }
    errno = saved_errno;
}

/* Has faulthandler make its own handler and puts ours before it: only so the end of a dump is known. */
static int take_signal(PyObject *faulthandler, struct python_stacks *stacks)
{
    int number = SIGRTMIN + SIGNAL_OFFSET;
    PyObject *done = PyObject_CallMethod(faulthandler, "register", "iiOO", number, stacks->ends[1], Py_True, Py_False);
    struct sigaction action;

    if (done == NULL)
        return -1;
    Py_DECREF(done);
    if (sigaction(number, NULL, &action) < 0 || action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)
        return 0;
    if (action.sa_handler != on_signal) /* it was registered in the process that forked this one */
        dump_by_faulthandler = action.sa_handler;
    handled = stacks;
    action.sa_handler = on_signal;
    action.sa_flags |= SA_RESTART;
    sigaction(number, &action, NULL);
    return 0;
}

int python_stacks_open(struct python_stacks *stacks)
{
    PyObject *faulthandler = NULL;
    int result = fd_pipe(stacks->ends);

    if (result < 0) {
        stacks->ends[0] = stacks->ends[1] = -1;
        errno = -result;
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    stacks->main_thread = pthread_self();
    faulthandler = PyImport_ImportModule("faulthandler");
    stacks->dump = faulthandler != NULL ? PyObject_GetAttrString(faulthandler, "dump_traceback") : NULL;
    result = stacks->dump != NULL ? take_signal(faulthandler, stacks) : -1;
    Py_XDECREF(faulthandler);
    return result;
}

void python_stacks_close(struct python_stacks *stacks)
{
    atomic_store(&stacks->state, STATE_DONE); /* a late signal finds nothing to do */
    Py_CLEAR(stacks->dump);
    fd_close(&stacks->ends[0]);
    fd_close(&stacks->ends[1]);
}

void python_stacks_dump_if_wanted(struct python_stacks *stacks)
{
    PyObject *done;

    if (!begin(stacks))
        return;
    done = PyObject_CallFunction(stacks->dump, "iO", stacks->ends[1], Py_True);
    if (done == NULL)
        PyErr_Clear();
    Py_XDECREF(done);
    end(stacks);
}

void python_stacks_want(struct python_stacks *stacks)
{
    uint32_t expected = STATE_IDLE;

    atomic_compare_exchange_strong(&stacks->state, &expected, STATE_WANTED);
}

void python_stacks_force(const struct python_stacks *stacks)
{
    if (dump_by_faulthandler != NULL)
        pthread_kill(stacks->main_thread, SIGRTMIN + SIGNAL_OFFSET);
}

bool python_stacks_is_done(struct python_stacks *stacks)
{
    uint32_t expected = STATE_DONE;

    return atomic_compare_exchange_strong(&stacks->state, &expected, STATE_IDLE);
}

bool python_stacks_drop(struct python_stacks *stacks)
{
    uint32_t expected = STATE_WANTED;

    return atomic_compare_exchange_strong(&stacks->state, &expected, STATE_IDLE);
}
