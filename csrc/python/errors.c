/* SPDX-License-Identifier: MIT
 * Exceptions to log lines: the one place where CPython's way of failing ends. Runs on app threads, with the GIL. */
#include "errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "exchange.h"
#include "log.h"
#include "runtime.h"
#include "text.h"
#include "trace_parent.h"

enum {
    WHAT_BYTES = 512,
    METHOD_BYTES = 40,
    ID_BYTES = 160, /* " (request ", 128 bytes, ")" */
    NAME_BYTES = 256,
    SUMMARY_BYTES = 1024,
    TRACEBACK_BYTES = 65536, /* what is longer is cut in the middle */
};

int errors_init(struct errors *errors)
{
    PyObject *module = PyImport_ImportModule("traceback");

    errors->format_exception = module != NULL ? PyObject_GetAttrString(module, "format_exception") : NULL;
    Py_XDECREF(module);
    return errors->format_exception != NULL ? 0 : -1;
}

void errors_fini(struct errors *errors)
{
    Py_CLEAR(errors->format_exception);
}

PyObject *errors_take(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type = NULL, *value = NULL, *traceback = NULL;

    PyErr_Fetch(&type, &value, &traceback);
    if (type == NULL)
        return NULL;
    PyErr_NormalizeException(&type, &value, &traceback);
    /* Without a traceback too: importlib may have taken its frames out of this one, but not out of the exception. */
    PyException_SetTraceback(value, traceback != NULL ? traceback : Py_None);
    Py_XDECREF(traceback);
    Py_XDECREF(type);
    return value;
#endif
}

void errors_restore(PyObject *exception)
{
#if PY_VERSION_HEX >= 0x030C0000
    PyErr_SetRaisedException(exception);
#else
    PyErr_Restore(Py_NewRef((PyObject *)Py_TYPE(exception)), exception, PyException_GetTraceback(exception));
#endif
}

/* str -> UTF-8 with anything that has no encoding escaped. New reference to bytes, or NULL without an exception. */
static PyObject *encode(PyObject *text)
{
    PyObject *bytes = text != NULL ? PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace") : NULL;

    if (bytes == NULL)
        PyErr_Clear();
    return bytes;
}

/* Joins a list of str. One line alone says nothing that the summary does not say. New reference or NULL. */
static PyObject *join_lines(PyObject *lines)
{
    PyObject *nothing, *joined;

    if (lines == NULL || !PyList_Check(lines) || PyList_GET_SIZE(lines) < 2)
        return NULL;
    nothing = PyUnicode_New(0, 127);
    joined = nothing != NULL ? PyUnicode_Join(nothing, lines) : NULL;
    Py_XDECREF(nothing);
    return joined;
}

/* The whole traceback as bytes, whole lines. New reference, or NULL without an exception when there is none or it
 * cannot be had: the exception's own methods may fail, or memory may be short. */
static PyObject *format_traceback(const struct errors *errors, PyObject *exception)
{
    PyObject *traceback = PyException_GetTraceback(exception), *lines = NULL, *joined, *bytes;

    if (errors->format_exception != NULL)
        lines = PyObject_CallFunctionObjArgs(errors->format_exception, (PyObject *)Py_TYPE(exception), exception,
                                             traceback != NULL ? traceback : Py_None, NULL);
    joined = join_lines(lines);
    bytes = encode(joined);
    PyErr_Clear();
    Py_XDECREF(joined);
    Py_XDECREF(lines);
    Py_XDECREF(traceback);
    return bytes;
}

/* "ValueError: message" on one line. */
static void summarise(PyObject *exception, char *out, size_t size)
{
    PyObject *type = Py_NewRef((PyObject *)Py_TYPE(exception)); /* which __str__() may change */
    PyObject *text = PyObject_Str(exception), *bytes;
    char name[NAME_BYTES], message[SUMMARY_BYTES];

    if (text == NULL)
        PyErr_Clear();
    bytes = encode(text);
    text_escape(message, sizeof(message), bytes != NULL ? python_bytes_view(bytes) : SLICE("(its str() failed)"));
    text_escape(name, sizeof(name), slice_of_string(((PyTypeObject *)(void *)type)->tp_name));
    snprintf(out, size, "%s%s%s", name, message[0] != '\0' ? ": " : "", message);
    Py_XDECREF(bytes);
    Py_XDECREF(text);
    Py_DECREF(type);
}

/* A whole text, or its beginning and end: a message may hold all of what could not be taken in. `room` holds what is
 * made; without memory there is nothing. */
static struct slice shorten(struct slice text, struct buf *room)
{
    size_t piece = TRACEBACK_BYTES / 2;

    if (text.len <= TRACEBACK_BYTES)
        return text;
    if (buf_append(room, slice_of(text.ptr, piece)) < 0 ||
        buf_append_format(room, "\n... (%zu bytes are left out) ...\n", text.len - 2 * piece) < 0 ||
        buf_append(room, slice_of(text.ptr + text.len - piece, piece)) < 0)
        return slice_of(NULL, 0);
    return buf_slice(room);
}

/* Takes the current exception. `about` may be NULL. A traceback quotes what clients send: no line of it may look like
 * one of the server's. */
static void log_exception(const struct errors *errors, const char *what, const struct log_about *about)
{
    char summary[SUMMARY_BYTES + WHAT_BYTES];
    PyObject *exception = errors_take(), *lines;
    struct log_report report = {.level = LOG_LEVEL_ERROR, .details_name = "exception.stacktrace"};
    PyThreadState *state;
    struct buf room;

    if (exception == NULL)
        return;
    summarise(exception, summary, sizeof(summary));
    lines = format_traceback(errors, exception);
    state = runtime_leave();
    buf_init(&room);
    if (about != NULL)
        report.about = *about;
    if (lines != NULL)
        report.details = shorten(python_bytes_view(lines), &room);
    if (log_is_enabled(LOG_LEVEL_ERROR))
        log_report(&report, "%s: %s", what, summary);
    buf_fini(&room);
    runtime_enter(state);
    Py_XDECREF(lines);
    Py_DECREF(exception);
}

void errors_log(const struct errors *errors, const char *format, ...)
{
    char what[WHAT_BYTES];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    log_exception(errors, what, NULL);
}

static void note_trace(const struct request *request, struct log_about *about)
{
    struct trace_parent trace;

    for (size_t i = 0; i < request->header_count; i++) {
        if (request->headers[i].id == HEADER_TRACEPARENT && trace_parent_parse(request->headers[i].value, &trace)) {
            about->trace_id = trace.trace_id;
            about->span_id = trace.span_id;
        }
    }
}

void errors_log_request(const struct errors *errors, const struct exchange *exchange)
{
    struct log_about about = {.request_id = exchange->request_id};
    char what[WHAT_BYTES];

    note_trace(exchange->request, &about);
    errors_describe_request(exchange, what, sizeof(what));
    log_exception(errors, what, &about);
}

void errors_describe_request(const struct exchange *exchange, char *out, size_t size)
{
    const struct request *request = exchange->request;
    size_t len = text_escape(out, METHOD_BYTES, request->method);
    size_t end = exchange->request_id.len > 0 ? size - ID_BYTES : size;

    out[len++] = ' ';
    len += text_escape(out + len, end - len, request->target);
    if (exchange->request_id.len == 0)
        return;
    len += (size_t)snprintf(out + len, size - len, " (request ");
    len += text_escape(out + len, size - 1 - len, exchange->request_id);
    snprintf(out + len, size - len, ")");
}
