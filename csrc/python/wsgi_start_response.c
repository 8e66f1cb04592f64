/* SPDX-License-Identifier: MIT
 * start_response() and write(). Run on the request's app thread or a thread of the application, with the GIL. */
#include "wsgi_start_response.h"

#include "names.h"
#include "stray.h"
#include "wsgi_callable.h"
#include "wsgi_header.h"
#include "wsgi_response.h"

/* The arguments of start_response(); all borrowed. */
struct head_arguments {
    PyObject *status;
    PyObject *headers;
    PyObject *exc_info; /* NULL when not given, or None */
};

static struct wsgi_callable *as_callable(PyObject *object)
{
    return (struct wsgi_callable *)(void *)object;
}

/* exc_info alone may be given by name: some applications do, and the name is PEP 3333's own. */
static int read_arguments(const struct names *names, PyObject *const *values, Py_ssize_t count, PyObject *keywords,
                          struct head_arguments *arguments)
{
    Py_ssize_t named = keywords != NULL ? PyTuple_GET_SIZE(keywords) : 0;

    if (count < 2 || count + named > 3) {
        PyErr_Format(PyExc_TypeError, "start_response() takes 2 or 3 arguments (status, headers, exc_info), %zd given",
                     count + named);
        return -1;
    }
    if (named == 1 && PyUnicode_Compare(PyTuple_GET_ITEM(keywords, 0), names->texts[NAME_exc_info]) != 0) {
        if (!PyErr_Occurred())
            PyErr_Format(PyExc_TypeError, "start_response() has no argument named %R", PyTuple_GET_ITEM(keywords, 0));
        return -1;
    }
    arguments->status = values[0];
    arguments->headers = values[1];
    arguments->exc_info = count + named == 3 && values[2] != Py_None ? values[2] : NULL;
    if (arguments->exc_info != NULL && (!PyTuple_Check(values[2]) || PyTuple_GET_SIZE(values[2]) != 3)) {
        PyErr_Format(PyExc_TypeError, "exc_info must be a tuple of three (type, value, traceback), not %.100s",
                     Py_TYPE(values[2])->tp_name);
        return -1;
    }
    return 0;
}

/* The head is on its way: PEP 3333 has start_response() raise the exception that it was given. */
static void raise_again(PyObject *exc_info)
{
    PyObject *type = PyTuple_GET_ITEM(exc_info, 0), *value = PyTuple_GET_ITEM(exc_info, 1),
             *traceback = PyTuple_GET_ITEM(exc_info, 2);

    if (!PyExceptionClass_Check(type) || (traceback != Py_None && !PyTraceBack_Check(traceback))) {
        PyErr_SetString(PyExc_RuntimeError, "start_response() was called with exc_info after the head had been sent");
        return;
    }
    PyErr_Restore(Py_NewRef(type), Py_NewRef(value), traceback != Py_None ? Py_NewRef(traceback) : NULL);
}

/* Whether the head may be set (anew) now; -1 with an exception. */
static int check_turn(struct wsgi_response *response, const struct head_arguments *arguments)
{
    if (arguments->exc_info != NULL && response->exchange->is_head_sent) {
        raise_again(arguments->exc_info);
        return -1;
    }
    if (response->is_started && arguments->exc_info == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "start_response() was called a second time without exc_info");
        return -1;
    }
    /* Not by the application's first head: by the 500 that stands for the one that it did not give. */
    if (response->is_over || response->exchange->is_head_sent) {
        PyErr_SetString(PyExc_RuntimeError, "start_response() was called after the response had been ended");
        return -1;
    }
    if (wsgi_response_is_taken(response)) {
        PyErr_SetString(PyExc_RuntimeError,
                        "start_response() was called while another thread is writing this response");
        return -1;
    }
    return 0;
}

/* Parts "404 Not Found" into code and reason. "404" alone and "404 " are what applications make of codes without a
 * name. */
static int parse_status(PyObject *status, int *code, struct slice *reason)
{
    struct slice text;

    if (!PyUnicode_Check(status)) {
        PyErr_Format(PyExc_TypeError, "status must be a str such as '200 OK', not %.100s", Py_TYPE(status)->tp_name);
        return -1;
    }
    if (!python_latin1_view(status, &text)) {
        PyErr_Format(PyExc_ValueError, "status %R has a character outside Latin-1", status);
        return -1;
    }
    *code = 0;
    for (size_t i = 0; i < 3 && i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
        *code = *code * 10 + (text.ptr[i] - '0');
    if (*code < 100 || (text.len > 3 && text.ptr[3] != ' ')) {
        PyErr_Format(PyExc_ValueError, "status %R must be three digits, a space and a reason, as in '200 OK'", status);
        return -1;
    }
    *reason = text.len > 4 ? slice_of(text.ptr + 4, text.len - 4) : slice_of("", 0);
    if (reason->len > 0 && (reason->ptr[0] == ' ' || reason->ptr[reason->len - 1] == ' ')) {
        PyErr_Format(PyExc_ValueError, "status %R has white space around its reason", status);
        return -1;
    }
    return 0;
}

static void raise_status_error(enum head_error error, PyObject *status)
{
    if (error == HEAD_NO_MEMORY)
        PyErr_NoMemory();
    else if (error == HEAD_BAD_STATUS)
        PyErr_Format(PyExc_ValueError, "status %R: the code must be from 200 to 599", status);
    else
        PyErr_Format(PyExc_ValueError, "status %R has a control character in its reason", status);
}

/* Adds an entry of the header list, or says what is wrong with it. */
static bool add_header(struct exchange *exchange, PyObject *entry)
{
    struct slice name, value;
    enum head_error error;

    if (UNLIKELY(!wsgi_header_read(entry, &name, &value)))
        return false;
    error = exchange_add_header(exchange, name, value);
    if (UNLIKELY(error != HEAD_OK))
        wsgi_header_raise(error, entry);
    return error == HEAD_OK;
}

/* Only what is shown in an error runs Python code, and with that the loop ends. It may empty the list. */
static int add_headers(struct exchange *exchange, PyObject *headers)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(headers); i++) {
        PyObject *entry = Py_NewRef(PyList_GET_ITEM(headers, i));
        bool is_added = add_header(exchange, entry);

        Py_DECREF(entry);
        if (UNLIKELY(!is_added))
            return -1;
    }
    return 0;
}

static int set_head(struct exchange *exchange, const struct head_arguments *arguments)
{
    struct slice reason;
    enum head_error error;
    int code;

    if (parse_status(arguments->status, &code, &reason) < 0)
        return -1;
    if (!PyList_CheckExact(arguments->headers)) {
        PyErr_Format(PyExc_TypeError, "headers must be a list of (name, value) tuples, not %.100s",
                     Py_TYPE(arguments->headers)->tp_name);
        return -1;
    }
    error = exchange_begin_head(exchange, code, reason);
    if (error != HEAD_OK) {
        raise_status_error(error, arguments->status);
        return -1;
    }
    return add_headers(exchange, arguments->headers);
}

PyObject *wsgi_start_response_call(PyObject *self, PyObject *const *arguments, size_t count, PyObject *keywords)
{
    struct wsgi_callables *callables = as_callable(self)->callables;
    struct wsgi_response *response = as_callable(self)->response;
    struct head_arguments head;
    PyObject *write;

    if (response == NULL)
        return PyErr_Format(PyExc_RuntimeError, "start_response() was called after its request had ended");
    if (read_arguments(callables->names, arguments, PyVectorcall_NARGS(count), keywords, &head) < 0)
        return NULL;
    if (check_turn(response, &head) < 0)
        return NULL;
    response->is_started = true;
    response->has_head = false;
    if (set_head(response->exchange, &head) < 0)
        return NULL;
    response->has_head = true;
    write = wsgi_callables_get(callables, WSGI_WRITE);
    return write != NULL ? Py_NewRef(write) : NULL;
}

/* The one argument of write(), borrowed; NULL with an exception. */
static PyObject *read_data(PyObject *const *arguments, size_t count, PyObject *keywords)
{
    if (PyVectorcall_NARGS(count) != 1 || (keywords != NULL && PyTuple_GET_SIZE(keywords) != 0))
        return PyErr_Format(PyExc_TypeError, "write() takes exactly one argument, bytes");
    if (!PyBytes_Check(arguments[0]))
        return PyErr_Format(PyExc_TypeError, "write() takes bytes, not %.100s", Py_TYPE(arguments[0])->tp_name);
    return arguments[0];
}

PyObject *wsgi_write_call(PyObject *self, PyObject *const *arguments, size_t count, PyObject *keywords)
{
    struct wsgi_response *response = as_callable(self)->response;
    PyObject *data = read_data(arguments, count, keywords);
    struct slice block;

    if (data == NULL)
        return NULL;
    if (response == NULL)
        return PyErr_Format(PyExc_RuntimeError, "write() was called after its request had ended");
    if (stray_is_here())
        return PyErr_Format(PyExc_RuntimeError, "write() was called in a process that the application forked");
    if (wsgi_response_is_taken(response))
        return PyErr_Format(PyExc_RuntimeError, "write() was called while another thread is writing this response");
    if (!response->has_head)
        return PyErr_Format(PyExc_RuntimeError, "write() was called, but the last start_response() had failed");
    block = python_bytes_view(data);
    if (block.len > wsgi_response_room(response) && wsgi_response_needs_body(response))
        return PyErr_Format(PyExc_ValueError, "write() of %zu bytes goes beyond the declared Content-Length",
                            block.len);
    if (block.len > 0 && !response->is_over) {
        response->exchange->block_count++;
        wsgi_response_write(response, &block, 1, false);
    }
    if (UNLIKELY(response->is_gone)) /* or it would write for ever */
        return PyErr_Format(PyExc_BrokenPipeError, "write() was called, but the client has gone");
    Py_RETURN_NONE;
}
