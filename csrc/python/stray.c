/* SPDX-License-Identifier: MIT
 * The end of children that the application forks. Runs in such a child, on the thread that forked, with the GIL. */
#include "stray.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "python_gateway_priv.h"

static bool is_stray; /* written by the only thread of a process just forked */

static void note_fork(void)
{
    is_stray = true;
}

int stray_watch(void)
{
    return -pthread_atfork(NULL, NULL, note_fork);
}

void stray_adopt(void)
{
    is_stray = false;
}

bool stray_is_here(void)
{
    return is_stray;
}

/* The status that a SystemExit asks for; -1 without an exception when it is no number (then it is a message). */
static int read_status(PyObject *system_exit)
{
    PyObject *code = PyObject_GetAttrString(system_exit, "code");
    int status = -1;

    if (code == Py_None)
        status = 0;
    else if (code != NULL && PyLong_Check(code))
        status = (int)(PyLong_AsUnsignedLongMask(code) & 0xFF);
    PyErr_Clear();
    Py_XDECREF(code);
    return status;
}

/* Takes the exception, if there is one. */
static int find_status(const struct errors *errors)
{
    bool is_exit = PyErr_Occurred() != NULL && PyErr_ExceptionMatches(PyExc_SystemExit);
    PyObject *exception = errors_take();
    int status = is_exit ? read_status(exception) : -1;

    if (exception == NULL)
        return EXIT_SUCCESS;
    if (status >= 0) {
        Py_DECREF(exception);
        return status;
    }
    errors_restore(exception);
    errors_log(errors, "a process that the application forked failed");
    return EXIT_FAILURE;
}

void stray_end(struct gateway *gateway)
{
    int status = find_status(&gateway->errors);

    log_streams_flush(&gateway->streams);
    _exit(status);
}
