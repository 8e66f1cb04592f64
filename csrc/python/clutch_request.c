/* SPDX-License-Identifier: MIT
 * Runs on the app thread of a request, with the GIL. */
#include "clutch_request.h"

#include "app_thread.h"
#include "clock.h"
#include "python_gateway_priv.h"
#include "stray.h"
#include "wsgi_header.h"

/* The response of the request that this thread runs; NULL with a RuntimeError. */
static struct wsgi_response *find_response(const char *function)
{
    struct gateway_thread *thread = app_thread_current();

    if (thread != NULL && thread->response.exchange != NULL && !stray_is_here())
        return &thread->response;
    PyErr_Format(PyExc_RuntimeError,
                 stray_is_here() ? "clutch.%s() was called in a process that the application forked"
                                 : "clutch.%s() was called by a thread that runs no request at the moment",
                 function);
    return NULL;
}

/* --- Timings --- */

static PyStructSequence_Field timing_fields[] = {
    {"queue", "seconds that the request waited for a free app thread"},
    {"gil_wait", "seconds that it has waited for the GIL of its worker"},
    {"app", "seconds that the application has worked on it so far"},
    {"write", "seconds that sending its response has taken so far"},
    {NULL, NULL},
};

static PyStructSequence_Desc timings = {
    .name = "clutch.RequestTimings",
    .doc = "Where the time of a request has gone, in seconds.",
    .fields = timing_fields,
    .n_in_sequence = 4,
};

static PyObject *request_timings(PyObject *module, PyObject *Py_UNUSED(arguments))
{
    const struct wsgi_response *response = find_response("request_timings");
    PyObject *type = response != NULL ? PyObject_GetAttrString(module, "RequestTimings") : NULL;
    PyObject *result = type != NULL ? PyStructSequence_New((PyTypeObject *)(void *)type) : NULL;
    const struct exchange_times *times;
    int64_t values_us[4];

    Py_XDECREF(type);
    if (result == NULL)
        return NULL;
    times = &response->exchange->times;
    values_us[0] = times->taken_us - times->arrived_us;
    values_us[1] = times->gil_wait_us;
    values_us[2] = clock_now_us() - times->taken_us - times->gil_wait_us - times->write_us;
    values_us[3] = times->write_us;
    for (int i = 0; i < 4; i++) {
        PyObject *seconds = PyFloat_FromDouble(values_us[i] > 0 ? (double)values_us[i] / 1e6 : 0);

        if (seconds == NULL) {
            Py_DECREF(result);
            return NULL;
        }
        PyStructSequence_SetItem(result, i, seconds);
    }
    return result;
}

/* --- Early hints --- */

/* `slices` has room for both parts of each entry. */
static int read_all(PyObject *entries, struct slice *slices, struct early_hints *hints)
{
    size_t count = (size_t)PyTuple_GET_SIZE(entries);

    *hints = (struct early_hints){.names = slices, .values = slices + count, .count = count};
    for (size_t i = 0; i < count; i++) {
        if (!wsgi_header_read(PyTuple_GET_ITEM(entries, (Py_ssize_t)i), &slices[i], &slices[count + i]))
            return -1;
    }
    return 0;
}

/* The tuple keeps what is read from while the GIL is given up: whoever else has the list may change it. */
static PyObject *send_hints(struct wsgi_response *response, PyObject *entries)
{
    struct slice *slices = PyMem_New(struct slice, (size_t)PyTuple_GET_SIZE(entries) * 2 + 1);
    struct early_hints hints;
    enum head_error error;
    PyObject *result = NULL;

    if (slices == NULL)
        return PyErr_NoMemory();
    if (read_all(entries, slices, &hints) == 0) {
        error = wsgi_response_early_hints(response, &hints);
        if (error == HEAD_OK)
            result = PyBool_FromLong(hints.is_sent);
        else if (error == HEAD_NO_MEMORY)
            PyErr_NoMemory();
        else
            wsgi_header_raise(error, PyTuple_GET_ITEM(entries, (Py_ssize_t)hints.bad_at));
    }
    PyMem_Free(slices);
    return result;
}

static PyObject *early_hints(PyObject *Py_UNUSED(module), PyObject *headers)
{
    struct wsgi_response *response = find_response("early_hints");
    PyObject *entries = response != NULL ? PySequence_Tuple(headers) : NULL;
    PyObject *result = entries != NULL ? send_hints(response, entries) : NULL;

    Py_XDECREF(entries);
    return result;
}

static PyMethodDef functions[] = {
    {"request_timings", PYTHON_METHOD(request_timings), METH_NOARGS,
     "request_timings()\n--\n\nWhere the time of the request that this thread runs has gone so far: a named\ntuple "
     "(queue, gil_wait, app, write) in seconds. RuntimeError where there is none."},
    {"early_hints", PYTHON_METHOD(early_hints), METH_O,
     "early_hints(headers, /)\n--\n\nSend 103 Early Hints with these (name, value) fields ahead of the response.\n"
     "Returns whether it was sent: not to a client of HTTP/1.0, and not once the head\nof the response has left. "
     "Also in environ, as wsgi.early_hints. TypeError and\nValueError name the field that is wrong; RuntimeError where "
     "this thread runs no\nrequest."},
    {NULL, NULL, 0, NULL},
};

static int add_exception(PyObject *module)
{
    static const char doc[] =
        "Raised in a request that has run for longer than --request-timeout. Its client has had its answer.";
    PyObject *type = PyErr_NewExceptionWithDoc("clutch.RequestTimeout", doc, PyExc_BaseException, NULL);
    int result = type != NULL ? PyObject_SetAttrString(module, "RequestTimeout", type) : -1;

    Py_XDECREF(type);
    return result;
}

int clutch_request_add(PyObject *module)
{
    PyTypeObject *type = PyStructSequence_NewType(&timings);
    int result = type != NULL ? PyObject_SetAttrString(module, "RequestTimings", (PyObject *)type) : -1;

    Py_XDECREF(type);
    if (result == 0)
        result = add_exception(module);
    return result == 0 ? PyModule_AddFunctions(module, functions) : -1;
}
