/* SPDX-License-Identifier: MIT
 * Registration runs wherever the application does; hooks run on the main thread of a worker or the zygote. */
#include "clutch_hooks.h"

#include <stdbool.h>

#include "log.h"
#include "python_gateway_priv.h"
#include "runtime.h"
#include "stray.h"

enum { NAME_BYTES = 100 };

/* What is decorated, and when it is too late. */
static struct {
    const char *name;
    bool ends_start;   /* an exception ends the worker's start */
    bool latest_first; /* undone in the opposite order */
    bool is_once;      /* in the life of a process */
    bool has_run;
    PyObject *functions; /* owned list; NULL: none yet */
} hooks[CLUTCH_HOOK_COUNT] = {
    [CLUTCH_ON_WORKER_START] = {.name = "on_worker_start", .ends_start = true, .is_once = true},
    [CLUTCH_ON_READY] = {.name = "on_ready", .is_once = true},
    [CLUTCH_ON_WORKER_STOP] = {.name = "on_worker_stop", .latest_first = true},
    [CLUTCH_BEFORE_FORK] = {.name = "before_fork", .latest_first = true},
    [CLUTCH_AFTER_FORK] = {.name = "after_fork", .ends_start = true, .is_once = true},
};

/* --- Registration --- */

/* The name of a function for a log line; static storage, guarded by the GIL. */
static const char *describe(PyObject *function)
{
    static char name[NAME_BYTES];
    PyObject *text = PyObject_GetAttrString(function, "__qualname__");
    const char *bytes;

    if (text == NULL || !PyUnicode_Check(text)) {
        PyErr_Clear();
        Py_XDECREF(text);
        text = PyUnicode_FromFormat("%s object", Py_TYPE(function)->tp_name);
    }
    bytes = text != NULL ? PyUnicode_AsUTF8(text) : NULL;
    snprintf(name, sizeof(name), "%s", bytes != NULL ? bytes : "?");
    PyErr_Clear();
    Py_XDECREF(text);
    return name;
}

static void warn_late(enum clutch_hook hook, PyObject *function)
{
    char name[NAME_BYTES];
    PyThreadState *state;

    snprintf(name, sizeof(name), "%s", describe(function));
    state = runtime_leave();
    log_warning("@clutch.%s: %s was registered when these functions had run in this worker: it will not be called; "
                "register it where the application is loaded",
                hooks[hook].name, name);
    runtime_enter(state);
}

int clutch_hooks_register(enum clutch_hook hook, PyObject *function)
{
    if (!PyCallable_Check(function)) {
        PyErr_Format(PyExc_TypeError, "@clutch.%s takes a function without arguments, not %.100s", hooks[hook].name,
                     Py_TYPE(function)->tp_name);
        return -1;
    }
    if (hooks[hook].functions == NULL)
        hooks[hook].functions = PyList_New(0);
    if (hooks[hook].functions == NULL || PyList_Append(hooks[hook].functions, function) < 0)
        return -1;
    if (hooks[hook].has_run)
        warn_late(hook, function);
    return 0;
}

static PyObject *decorate(enum clutch_hook hook, PyObject *function)
{
    return clutch_hooks_register(hook, function) == 0 ? Py_NewRef(function) : NULL;
}

static PyObject *on_worker_start(PyObject *Py_UNUSED(module), PyObject *function)
{
    return decorate(CLUTCH_ON_WORKER_START, function);
}

static PyObject *on_ready(PyObject *Py_UNUSED(module), PyObject *function)
{
    return decorate(CLUTCH_ON_READY, function);
}

static PyObject *on_worker_stop(PyObject *Py_UNUSED(module), PyObject *function)
{
    return decorate(CLUTCH_ON_WORKER_STOP, function);
}

static PyObject *before_fork(PyObject *Py_UNUSED(module), PyObject *function)
{
    return decorate(CLUTCH_BEFORE_FORK, function);
}

static PyObject *after_fork(PyObject *Py_UNUSED(module), PyObject *function)
{
    return decorate(CLUTCH_AFTER_FORK, function);
}

static PyMethodDef decorators[] = {
    {"on_worker_start", PYTHON_METHOD(on_worker_start), METH_O,
     "on_worker_start(function, /)\n--\n\nDecorator: call function() in each worker once the application is loaded,\n"
     "before the worker says that it is ready. On the main thread. An exception ends\nthe start, as an import error "
     "does. Returns the function."},
    {"on_ready", PYTHON_METHOD(on_ready), METH_O,
     "on_ready(function, /)\n--\n\nDecorator: call function() in each worker once it serves. On the main thread,\n"
     "which takes no request meanwhile. Exceptions are logged. Returns the function."},
    {"on_worker_stop", PYTHON_METHOD(on_worker_stop), METH_O,
     "on_worker_stop(function, /)\n--\n\nDecorator: call function() in each worker at a graceful stop, once all its\n"
     "requests are answered and before functions of atexit; the latest registered\nfirst. On the main thread. "
     "Exceptions are logged. Not called in a worker that\nis killed. Returns the function."},
    {"before_fork", PYTHON_METHOD(before_fork), METH_O,
     "before_fork(function, /)\n--\n\nDecorator, with --preload: call function() before each fork of a worker, in the\n"
     "process that has loaded the application; the latest registered first. On the\nmain thread. Exceptions are "
     "logged. Returns the function."},
    {"after_fork", PYTHON_METHOD(after_fork), METH_O,
     "after_fork(function, /)\n--\n\nDecorator, with --preload: call function() in each worker right after it has\n"
     "been forked, before those of on_worker_start. On the main thread. An exception\nends the start. Returns the "
     "function."},
    {NULL, NULL, 0, NULL},
};

int clutch_hooks_add(PyObject *module)
{
    return PyModule_AddFunctions(module, decorators);
}

/* --- Calls --- */

/* Number `index` of those that there are; it may register more. */
static int run_one(struct gateway *gateway, enum clutch_hook hook, Py_ssize_t index)
{
    PyObject *function = Py_NewRef(PyList_GET_ITEM(hooks[hook].functions, index));
    PyObject *result = PyObject_CallNoArgs(function);

    if (stray_is_here())
        stray_end(gateway);
    if (result == NULL) {
        PyObject *exception = errors_take();
        char name[NAME_BYTES];

        snprintf(name, sizeof(name), "%s", describe(function));
        errors_restore(exception);
        errors_log(&gateway->errors, "@clutch.%s: %s failed%s", hooks[hook].name, name,
                   hooks[hook].ends_start ? ", so the worker does not start" : "");
    }
    Py_XDECREF(result);
    Py_DECREF(function);
    return result != NULL ? 0 : -1;
}

int clutch_hooks_run(struct gateway *gateway, enum clutch_hook hook)
{
    int result = 0;

    if (hooks[hook].functions != NULL && hooks[hook].latest_first) {
        for (Py_ssize_t i = PyList_GET_SIZE(hooks[hook].functions); i-- > 0;)
            result |= run_one(gateway, hook, i);
    } else if (hooks[hook].functions != NULL) {
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(hooks[hook].functions); i++) {
            result |= run_one(gateway, hook, i);
            if (result < 0 && hooks[hook].ends_start)
                break;
        }
    }
    hooks[hook].has_run = hooks[hook].is_once;
    return result;
}

void clutch_hooks_fini(void)
{
    for (int hook = 0; hook < CLUTCH_HOOK_COUNT; hook++)
        Py_CLEAR(hooks[hook].functions);
}
