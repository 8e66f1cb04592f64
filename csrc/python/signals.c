/* SPDX-License-Identifier: MIT
 * Wakeup descriptor for Python's signal handlers. Runs on the main thread of a worker, with the GIL. */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "errors.h"
#include "fd.h"

/* Through the signal module, because only there a full pipe (one byte in it is enough) can be declared harmless. */
static int set_wakeup_fd(int fd)
{
    PyObject *module = PyImport_ImportModule("signal"), *function = NULL, *arguments = NULL, *options = NULL,
             *earlier = NULL;

    if (module != NULL && (function = PyObject_GetAttrString(module, "set_wakeup_fd")) != NULL &&
        (arguments = Py_BuildValue("(i)", fd)) != NULL &&
        (options = Py_BuildValue("{s:O}", "warn_on_full_buffer", Py_False)) != NULL)
        earlier = PyObject_Call(function, arguments, options);
    Py_XDECREF(options);
    Py_XDECREF(arguments);
    Py_XDECREF(function);
    Py_XDECREF(module);
    Py_XDECREF(earlier);
    return earlier != NULL ? 0 : -1;
}

int signals_init(struct signals *signals)
{
    int result = fd_pipe(signals->ends);

    if (result < 0) {
        signals->ends[0] = signals->ends[1] = -1;
        errno = -result;
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    return set_wakeup_fd(signals->ends[1]);
}

int signals_renew(struct signals *signals)
{
    fd_close(&signals->ends[0]);
    fd_close(&signals->ends[1]);
    return signals_init(signals);
}

void signals_fini(struct signals *signals)
{
    if (set_wakeup_fd(-1) < 0)
        PyErr_Clear();
    fd_close(&signals->ends[0]);
    fd_close(&signals->ends[1]);
}

void signals_run_handlers(struct signals *signals, const struct errors *errors)
{
    char bytes[64];

    while (read(signals->ends[0], bytes, sizeof(bytes)) > 0)
        ;
    /* One call stops at the first handler that fails; and one may send itself another signal. */
    for (int i = 0; i < NSIG && PyErr_CheckSignals() < 0; i++)
        errors_log(errors, "a signal handler of the application failed");
}
