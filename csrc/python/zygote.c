/* SPDX-License-Identifier: MIT
 * Preparation for fork. Runs on the main thread of the zygote, with the GIL. */
#include "zygote.h"

#include "errors.h"
#include "log.h"
#include "runtime.h"

/* Calls module.function(). New reference, or NULL with an exception. */
static PyObject *call(const char *module_name, const char *function)
{
    PyObject *module = PyImport_ImportModule(module_name);
    PyObject *result = module != NULL ? PyObject_CallMethod(module, function, NULL) : NULL;

    Py_XDECREF(module);
    return result;
}

static int collect(void)
{
    PyObject *collected = call("gc", "collect"), *frozen = collected != NULL ? call("gc", "freeze") : NULL;
    int result = frozen != NULL ? 0 : -1;

    Py_XDECREF(collected);
    Py_XDECREF(frozen);
    return result;
}

/* Number of Python threads; -1 with an exception. */
static long count_threads(void)
{
    PyObject *count = call("threading", "active_count");
    long result = count != NULL ? PyLong_AsLong(count) : -1;

    Py_XDECREF(count);
    return result;
}

void zygote_freeze(const struct errors *errors)
{
    long threads;
    PyThreadState *state;

    if (collect() < 0 || (threads = count_threads()) < 0) {
        errors_log(errors, "the application's memory cannot be prepared for fork");
        return;
    }
    if (threads <= 1)
        return;
    state = runtime_leave();
    log_warning("the application started %ld thread%s while it was loaded: with --preload they do not exist in the "
                "workers; start "
                "them in os.register_at_fork(after_in_child=...) or at the first request",
                threads - 1, threads > 2 ? "s" : "");
    runtime_enter(state);
}
