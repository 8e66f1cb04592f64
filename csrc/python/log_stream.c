/* SPDX-License-Identifier: MIT
 * The application's output. The encoding is the io module's, what is below it ours: io.BufferedWriter would hold a lock
 * of its own while it writes, and a child forked by another thread at that moment could never print nor end. Runs on
 * whatever thread of a worker prints; the GIL guards the tails. */
#include "log_stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "runtime.h"

/* What io.TextIOWrapper writes to, sys.stdout.buffer. */
struct line_writer {
    PyObject ob_base;          /* PyObject_HEAD, as a declaration */
    struct log_stream *stream; /* borrowed from struct log_streams */
    bool is_closed;
};

static int target_fd(const struct log_stream *stream)
{
    return stream->target == LOG_STREAM_OUTPUT ? STDOUT_FILENO : log_fd();
}

static struct line_writer *as_writer(PyObject *object)
{
    return (struct line_writer *)(void *)object;
}

/* Whether this process is a child that the application forked: the pending line is its parent's to write. */
static bool is_foreign(const struct log_stream *stream)
{
    return getpid() != stream->owner;
}

/* Requires the GIL and gives it up while writing. */
static void write_bytes(const struct log_stream *stream, struct slice bytes)
{
    PyThreadState *state;

    if (bytes.len == 0)
        return;
    state = runtime_leave();
    log_write_lines(target_fd(stream), bytes);
    runtime_enter(state);
}

static void finish_tail(struct log_stream *stream)
{
    struct line_piece piece;

    if (is_foreign(stream))
        return;
    line_tail_finish(&stream->tail, &piece);
    write_bytes(stream, piece.lines);
    buf_fini(&piece.owned);
}

/* Returns 0, or -1 with an exception and nothing written. */
static int write_lines(struct log_stream *stream, struct slice bytes)
{
    struct line_piece piece;

    if (is_foreign(stream)) {
        write_bytes(stream, bytes);
        return 0;
    }
    if (line_tail_add(&stream->tail, bytes, &piece) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    write_bytes(stream, piece.lines);
    buf_fini(&piece.owned);
    return 0;
}

static PyObject *writer_write(PyObject *object, PyObject *argument)
{
    struct line_writer *self = as_writer(object);
    Py_buffer bytes;
    Py_ssize_t len;
    int result;

    if (self->is_closed)
        return PyErr_Format(PyExc_ValueError, "write to closed file");
    if (PyObject_GetBuffer(argument, &bytes, PyBUF_SIMPLE) < 0)
        return NULL;
    len = bytes.len;
    result = write_lines(self->stream, slice_of(bytes.buf, (size_t)len));
    PyBuffer_Release(&bytes);
    return result == 0 ? PyLong_FromSsize_t(len) : NULL;
}

static PyObject *writer_writelines(PyObject *object, PyObject *lines)
{
    PyObject *iterator = PyObject_GetIter(lines), *line;

    while (iterator != NULL && (line = PyIter_Next(iterator)) != NULL) {
        PyObject *written = writer_write(object, line);

        Py_DECREF(line);
        if (written == NULL)
            break;
        Py_DECREF(written);
    }
    Py_XDECREF(iterator);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *writer_close(PyObject *object, PyObject *Py_UNUSED(nothing))
{
    struct line_writer *self = as_writer(object);

    if (!self->is_closed)
        finish_tail(self->stream);
    self->is_closed = true; /* the descriptor is the server's and stays open */
    Py_RETURN_NONE;
}

static PyObject *writer_flush(PyObject *Py_UNUSED(object), PyObject *Py_UNUSED(nothing))
{
    Py_RETURN_NONE;
}

static PyObject *writer_fileno(PyObject *object, PyObject *Py_UNUSED(nothing))
{
    return PyLong_FromLong(target_fd(as_writer(object)->stream));
}

static PyObject *writer_isatty(PyObject *object, PyObject *Py_UNUSED(nothing))
{
    return PyBool_FromLong(isatty(target_fd(as_writer(object)->stream)));
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
    return PyUnicode_FromString(as_writer(object)->stream->target == LOG_STREAM_OUTPUT ? "<stdout>" : "<stderr>");
}

/* The unbuffered stream below: there is none, and nothing that would wait here is meant to. */
static PyObject *writer_get_raw(PyObject *object, void *Py_UNUSED(closure))
{
    return Py_NewRef(object);
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
    {"writelines", writer_writelines, METH_O, "Takes bytes of each of the lines."},
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
    {"raw", writer_get_raw, NULL, "The stream itself.", NULL},
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

/* io.TextIOWrapper(LineWriter). New reference, or NULL with an exception. */
static PyObject *new_text(PyObject *io, PyTypeObject *type, struct log_stream *stream)
{
    struct line_writer *writer = PyObject_New(struct line_writer, type);
    PyObject *text = NULL, *class = NULL, *arguments = NULL, *options = NULL;

    if (writer == NULL)
        return NULL;
    writer->stream = stream;
    writer->is_closed = false;
    class = PyObject_GetAttrString(io, "TextIOWrapper");
    arguments = PyTuple_Pack(1, (PyObject *)writer);
    options =
        Py_BuildValue("{s:s,s:s,s:O}", "encoding", "utf-8", "errors", "backslashreplace", "line_buffering", Py_True);
    if (class != NULL && arguments != NULL && options != NULL)
        text = PyObject_Call(class, arguments, options);
    Py_XDECREF(options);
    Py_XDECREF(arguments);
    Py_XDECREF(class);
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
        streams->streams[target] = (struct log_stream){.target = (enum log_stream_target)target, .owner = getpid()};
        line_tail_init(&streams->streams[target].tail);
        streams->texts[target] = NULL;
    }
    if ((type = python_type_new(&writer_spec, false)) == NULL || (io = PyImport_ImportModule("io")) == NULL)
        goto done;
    for (int target = 0; target < LOG_STREAM_COUNT; target++) {
        streams->texts[target] = new_text(io, type, &streams->streams[target]);
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
        finish_tail(&streams->streams[target]);
    }
}

void log_streams_adopt(struct log_streams *streams)
{
    for (int target = 0; target < LOG_STREAM_COUNT; target++)
        streams->streams[target].owner = getpid();
}

void log_streams_clear(struct log_streams *streams)
{
    for (int target = 0; target < LOG_STREAM_COUNT; target++)
        Py_CLEAR(streams->texts[target]);
}

void log_streams_fini(struct log_streams *streams)
{
    for (int target = 0; target < LOG_STREAM_COUNT; target++) {
        struct log_stream *stream = &streams->streams[target];
        struct line_piece piece;

        line_tail_finish(&stream->tail, &piece);
        if (piece.lines.len > 0)
            log_write_lines(target_fd(stream), piece.lines);
        buf_fini(&piece.owned);
        line_tail_fini(&stream->tail);
    }
}
