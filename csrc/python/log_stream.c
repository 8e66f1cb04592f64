/* SPDX-License-Identifier: MIT
 * The application's output. The raw layer is ours, the buffering and the encoding are the io module's. Runs on whatever
 * thread of a worker prints; the GIL guards the tails. */
#include "log_stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "runtime.h"

/* What io.BufferedWriter writes to. */
struct line_writer {
    PyObject_HEAD enum log_stream_target target;
    struct line_tail *tail; /* borrowed from struct log_streams */
    bool is_closed;
};

static int target_fd(enum log_stream_target target)
{
    return target == LOG_STREAM_OUTPUT ? STDOUT_FILENO : log_fd();
}

static struct line_writer *as_writer(PyObject *object)
{
    return (struct line_writer *)(void *)object;
}

/* Requires the GIL and gives it up while writing. */
static void write_piece(enum log_stream_target target, struct line_piece *piece)
{
    PyThreadState *state;

    if (piece->lines.len > 0) {
        state = runtime_leave();
        log_write_lines(target_fd(target), piece->lines);
        runtime_enter(state);
    }
    buf_fini(&piece->owned);
}

static void finish_tail(enum log_stream_target target, struct line_tail *tail)
{
    struct line_piece piece;

    line_tail_finish(tail, &piece);
    write_piece(target, &piece);
}

static PyObject *writer_write(PyObject *object, PyObject *argument)
{
    struct line_writer *self = as_writer(object);
    struct line_piece piece;
    Py_buffer bytes;
    Py_ssize_t len;

    if (self->is_closed)
        return PyErr_Format(PyExc_ValueError, "write to closed file");
    if (PyObject_GetBuffer(argument, &bytes, PyBUF_SIMPLE) < 0)
        return NULL;
    len = bytes.len;
    if (line_tail_add(self->tail, slice_of(bytes.buf, (size_t)len), &piece) < 0) {
        PyBuffer_Release(&bytes);
        return PyErr_NoMemory();
    }
    write_piece(self->target, &piece);
    PyBuffer_Release(&bytes);
    return PyLong_FromSsize_t(len);
}

static PyObject *writer_close(PyObject *object, PyObject *Py_UNUSED(nothing))
{
    struct line_writer *self = as_writer(object);

    if (!self->is_closed)
        finish_tail(self->target, self->tail);
    self->is_closed = true; /* the descriptor is the server's and stays open */
    Py_RETURN_NONE;
}

static PyObject *writer_flush(PyObject *Py_UNUSED(object), PyObject *Py_UNUSED(nothing))
{
    Py_RETURN_NONE;
}

static PyObject *writer_fileno(PyObject *object, PyObject *Py_UNUSED(nothing))
{
    return PyLong_FromLong(target_fd(as_writer(object)->target));
}

static PyObject *writer_isatty(PyObject *object, PyObject *Py_UNUSED(nothing))
{
    return PyBool_FromLong(isatty(target_fd(as_writer(object)->target)));
}

static PyObject *writer_yes(PyObject *Py_UNUSED(object), PyObject *Py_UNUSED(nothing))
{
    Py_RETURN_TRUE;
}

static PyObject *writer_no(PyObject *Py_UNUSED(object), PyObject *Py_UNUSED(nothing))
{
    Py_RETURN_FALSE;
}

static PyObject *writer_get_closed(PyObject *object, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(as_writer(object)->is_closed);
}

static PyObject *writer_get_name(PyObject *object, void *Py_UNUSED(closure))
{
    return PyUnicode_FromString(as_writer(object)->target == LOG_STREAM_OUTPUT ? "<stdout>" : "<stderr>");
}

static PyObject *writer_get_mode(PyObject *Py_UNUSED(object), void *Py_UNUSED(closure))
{
    return PyUnicode_FromString("wb");
}

static void writer_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_Free(object);
    Py_DECREF(type);
}

static PyMethodDef writer_methods[] = {
    {"write", writer_write, METH_O, "Takes bytes; passes whole lines on, keeps an unfinished one."},
    {"close", writer_close, METH_NOARGS, "Passes an unfinished line on; the descriptor stays open."},
    {"flush", writer_flush, METH_NOARGS, "Does nothing: whole lines never wait here."},
    {"fileno", writer_fileno, METH_NOARGS, "The descriptor that is written to."},
    {"isatty", writer_isatty, METH_NOARGS, "Whether that descriptor is a terminal."},
    {"writable", writer_yes, METH_NOARGS, "True"},
    {"readable", writer_no, METH_NOARGS, "False"},
    {"seekable", writer_no, METH_NOARGS, "False"},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef writer_attributes[] = {
    {"closed", writer_get_closed, NULL, "Whether close() was called.", NULL},
    {"name", writer_get_name, NULL, "<stdout> or <stderr>", NULL},
    {"mode", writer_get_mode, NULL, "wb", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot writer_slots[] = {
    {Py_tp_dealloc, PYTHON_SLOT(writer_dealloc)},
    {Py_tp_methods, PYTHON_SLOT(writer_methods)},
    {Py_tp_getset, PYTHON_SLOT(writer_attributes)},
    {0, NULL},
};

static PyType_Spec writer_spec = {
    .name = "clutch.LineWriter",
    .basicsize = sizeof(struct line_writer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = writer_slots,
};

/* io.TextIOWrapper(io.BufferedWriter(LineWriter)). New reference, or NULL with an exception. */
static PyObject *new_text(PyObject *io, PyTypeObject *type, enum log_stream_target target, struct line_tail *tail)
{
    struct line_writer *writer = PyObject_New(struct line_writer, type);
    PyObject *buffer = NULL, *text = NULL, *class = NULL, *arguments = NULL, *options = NULL;

    if (writer == NULL)
        return NULL;
    writer->target = target;
    writer->tail = tail;
    writer->is_closed = false;
    buffer = PyObject_CallMethod(io, "BufferedWriter", "O", writer);
    class = PyObject_GetAttrString(io, "TextIOWrapper");
    arguments = buffer != NULL ? PyTuple_Pack(1, buffer) : NULL;
    options =
        Py_BuildValue("{s:s,s:s,s:O}", "encoding", "utf-8", "errors", "backslashreplace", "line_buffering", Py_True);
    if (class != NULL && arguments != NULL && options != NULL)
        text = PyObject_Call(class, arguments, options);
    Py_XDECREF(options);
    Py_XDECREF(arguments);
    Py_XDECREF(class);
    Py_XDECREF(buffer);
    Py_DECREF(writer);
    return text;
}

/* Calls flush() on whatever the object is; an error (a closed stream) is nobody's business. */
static void flush_object(PyObject *stream)
{
    PyObject *result = stream != NULL && stream != Py_None ? PyObject_CallMethod(stream, "flush", NULL) : NULL;

    PyErr_Clear();
    Py_XDECREF(result);
}

static int replace_stream(const char *name, const char *copy, PyObject *text)
{
    flush_object(PySys_GetObject(name));
    return PySys_SetObject(name, text) < 0 || PySys_SetObject(copy, text) < 0 ? -1 : 0;
}

/* atexit runs what was registered first last, so output of the application's own exit handlers is flushed too. */
static int flush_at_exit(PyObject *text)
{
    PyObject *module = PyImport_ImportModule("atexit"), *flush = PyObject_GetAttrString(text, "flush"), *result = NULL;

    if (module != NULL && flush != NULL)
        result = PyObject_CallMethod(module, "register", "O", flush);
    Py_XDECREF(result);
    Py_XDECREF(flush);
    Py_XDECREF(module);
    return result != NULL ? 0 : -1;
}

int log_streams_init(struct log_streams *streams)
{
    PyObject *io = NULL;
    PyTypeObject *type = NULL;
    int result = -1;

    for (int target = 0; target < LOG_STREAM_COUNT; target++) {
        line_tail_init(&streams->tails[target]);
        streams->texts[target] = NULL;
    }
    if ((type = python_type_new(&writer_spec, false)) == NULL || (io = PyImport_ImportModule("io")) == NULL)
        goto done;
    for (int target = 0; target < LOG_STREAM_COUNT; target++) {
        streams->texts[target] = new_text(io, type, (enum log_stream_target)target, &streams->tails[target]);
        if (streams->texts[target] == NULL || flush_at_exit(streams->texts[target]) < 0)
            goto done;
    }
    if (replace_stream("stdout", "__stdout__", streams->texts[LOG_STREAM_OUTPUT]) == 0 &&
        replace_stream("stderr", "__stderr__", streams->texts[LOG_STREAM_LOG]) == 0)
        result = 0;
done:
    Py_XDECREF(io);
    Py_XDECREF(type);
    return result;
}

void log_streams_flush(struct log_streams *streams)
{
    flush_object(PySys_GetObject("stdout"));
    flush_object(PySys_GetObject("stderr"));
    for (int target = 0; target < LOG_STREAM_COUNT; target++) {
        flush_object(streams->texts[target]);
        finish_tail((enum log_stream_target)target, &streams->tails[target]);
    }
}

void log_streams_clear(struct log_streams *streams)
{
    for (int target = 0; target < LOG_STREAM_COUNT; target++)
        Py_CLEAR(streams->texts[target]);
}

void log_streams_fini(struct log_streams *streams)
{
    for (int target = 0; target < LOG_STREAM_COUNT; target++) {
        struct line_piece piece;

        line_tail_finish(&streams->tails[target], &piece);
        if (piece.lines.len > 0)
            log_write_lines(target_fd((enum log_stream_target)target), piece.lines);
        buf_fini(&piece.owned);
        line_tail_fini(&streams->tails[target]);
    }
}
