/* SPDX-License-Identifier: MIT
 * wsgi.input. Runs on the app thread of the request, or on a thread of the application, with the GIL (given up in pread
 * only).
 *
 *   body      |.........|window_start...window_start + window_len|.......| length
 *                             ^ position
 *
 * `position` is all the state of the stream; the window is a copy of some bytes of a file, to find lines in. */
#include "wsgi_input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "fd.h"
#include "message.h"
#include "runtime.h"

enum { WINDOW_BYTES = 65536 };

struct input {
    PyObject ob_base;   /* PyObject_HEAD, as a declaration */
    const char *memory; /* borrowed from the exchange; NULL: in the file, or ended */
    uint64_t length;
    uint64_t position;
    int body_fd; /* borrowed from the exchange; -1: none, or ended */
    int own_fd;  /* its duplicate, made by the first read: may outlive the exchange under a reader's hands; -1: none yet
                  */
    bool has_ended;
    bool is_reading; /* some thread is in pread */
    char *window;    /* owned; PyMem */
    uint64_t window_start;
    size_t window_len;
};

static struct input *as_input(PyObject *object)
{
    return (struct input *)(void *)object;
}

/* Returns 0, or -1 with an exception when the stream cannot be used now. */
static int check_usable(const struct input *self)
{
    if (LIKELY(!self->has_ended && !self->is_reading))
        return 0;
    if (self->has_ended)
        PyErr_SetString(PyExc_ValueError, "wsgi.input was used after its request has ended");
    else
        PyErr_SetString(PyExc_RuntimeError, "wsgi.input is being read by another thread");
    return -1;
}

static void drop_file(struct input *self)
{
    fd_close(&self->own_fd);
    PyMem_Free(self->window);
    self->window = NULL;
    self->window_len = 0;
}

/* Reads `len` bytes of a file into `out`, without the GIL. Returns 0, or -errno (-EIO: the file ends too early). */
static int read_fully(int fd, char *out, size_t len, uint64_t offset)
{
    while (len > 0) {
        ssize_t got = pread(fd, out, len, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EIO;
        out += got;
        offset += (uint64_t)got;
        len -= (size_t)got;
    }
    return 0;
}

/* Fills `out` from the file at `offset`. Gives the GIL up. Returns 0, or -1 with an exception. */
static int read_file(struct input *self, char *out, size_t len, uint64_t offset)
{
    PyThreadState *state;
    int result;

    if (self->own_fd < 0)
        self->own_fd = fcntl(self->body_fd, F_DUPFD_CLOEXEC, 3);
    if (self->own_fd < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    self->is_reading = true;
    state = runtime_leave();
    result = read_fully(self->own_fd, out, len, offset);
    runtime_enter(state);
    self->is_reading = false;
    if (self->has_ended) {
        drop_file(self);
        return check_usable(self);
    }
    if (result < 0) {
        errno = -result;
        PyErr_SetFromErrno(PyExc_OSError);
    }
    return result < 0 ? -1 : 0;
}

/* The bytes at the position that can be had without another read: all of a body in memory, of a file what the window
 * holds (filled when it holds none of them). Empty at the end only. Returns 0, or -1 with an exception. */
static int look_ahead(struct input *self, struct slice *bytes)
{
    uint64_t rest = self->length - self->position;

    if (self->memory != NULL || rest == 0) {
        *bytes = slice_of(rest > 0 ? self->memory + self->position : NULL, (size_t)rest);
        return 0;
    }
    if (self->position < self->window_start || self->position >= self->window_start + self->window_len) {
        size_t len = rest < WINDOW_BYTES ? (size_t)rest : WINDOW_BYTES;

        if (self->window == NULL && (self->window = PyMem_Malloc(WINDOW_BYTES)) == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        self->window_len = 0;
        if (read_file(self, self->window, len, self->position) < 0)
            return -1;
        self->window_start = self->position;
        self->window_len = len;
    }
    rest = self->window_start + self->window_len - self->position;
    *bytes = slice_of(self->window + (self->position - self->window_start), (size_t)rest);
    return 0;
}

/* read() of a file, when it is not in the window: straight into the result. */
static PyObject *read_from_file(struct input *self, size_t len)
{
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)len);

    if (bytes == NULL || read_file(self, PyBytes_AS_STRING(bytes), len, self->position) < 0) {
        Py_XDECREF(bytes);
        return NULL;
    }
    self->position += len;
    return bytes;
}

/* The next `len` bytes, which the body is known to have. New reference, or NULL with an exception. */
static PyObject *take(struct input *self, size_t len)
{
    struct slice bytes;
    bool is_in_window =
        self->position >= self->window_start && self->position + len <= self->window_start + self->window_len;

    if (len > 0 && self->memory == NULL && !is_in_window && len >= WINDOW_BYTES / 4)
        return read_from_file(self, len);
    if (len > 0 && self->memory == NULL && !is_in_window)
        self->window_len = 0; /* the bytes may straddle the window's end: fill it anew from here */
    if (len == 0)
        return PyBytes_FromStringAndSize(NULL, 0);
    if (look_ahead(self, &bytes) < 0)
        return NULL;
    self->position += len;
    return PyBytes_FromStringAndSize(bytes.ptr, (Py_ssize_t)len);
}

/* Length of the line at the position, its newline included, `limit` bytes at most. A line of a file may be longer than
 * the window; the search leaves the position where it was. Returns 0, or -1 with an exception. */
static int measure_line(struct input *self, uint64_t limit, uint64_t *len)
{
    uint64_t start = self->position;
    const char *newline = NULL;
    int result = 0;

    while (newline == NULL && self->position - start < limit) {
        struct slice bytes;

        if ((result = look_ahead(self, &bytes)) < 0 || bytes.len == 0)
            break;
        if (bytes.len > limit - (self->position - start))
            bytes.len = (size_t)(limit - (self->position - start));
        newline = memchr(bytes.ptr, '\n', bytes.len);
        self->position += newline != NULL ? (uint64_t)(newline - bytes.ptr) + 1 : bytes.len;
    }
    *len = self->position - start;
    self->position = start;
    return result;
}

/* The next line; empty at the end. */
static PyObject *take_line(struct input *self, uint64_t limit)
{
    uint64_t len;

    if (measure_line(self, limit, &len) < 0)
        return NULL;
    return take(self, (size_t)len);
}

/* Reads the optional size argument: UINT64_MAX when it is missing, None or negative. Returns 0, or -1 with an
 * exception. */
static int read_size(const char *function, PyObject *const *arguments, Py_ssize_t count, uint64_t *size)
{
    Py_ssize_t number;

    *size = UINT64_MAX;
    if (count > 1) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most 1 argument (%zd given)", function, count);
        return -1;
    }
    if (count == 0 || arguments[0] == Py_None)
        return 0;
    number = PyNumber_AsSsize_t(arguments[0], NULL);
    if (number == -1 && PyErr_Occurred())
        return -1;
    if (number >= 0)
        *size = (uint64_t)number;
    return 0;
}

static PyObject *input_read(PyObject *object, PyObject *const *arguments, Py_ssize_t count)
{
    struct input *self = as_input(object);
    uint64_t size, rest;

    if (read_size("read", arguments, count, &size) < 0 || check_usable(self) < 0)
        return NULL;
    rest = self->length - self->position;
    if (rest > PY_SSIZE_T_MAX)
        rest = PY_SSIZE_T_MAX;
    return take(self, (size_t)(size < rest ? size : rest));
}

static PyObject *input_readline(PyObject *object, PyObject *const *arguments, Py_ssize_t count)
{
    uint64_t size;

    if (read_size("readline", arguments, count, &size) < 0 || check_usable(as_input(object)) < 0)
        return NULL;
    return take_line(as_input(object), size);
}

/* A hint that is missing, None, zero or negative means all lines (io.IOBase.readlines). */
static PyObject *input_readlines(PyObject *object, PyObject *const *arguments, Py_ssize_t count)
{
    struct input *self = as_input(object);
    PyObject *lines = NULL, *line = NULL;
    uint64_t hint, start;

    if (read_size("readlines", arguments, count, &hint) < 0 || check_usable(self) < 0 ||
        (lines = PyList_New(0)) == NULL)
        return NULL;
    start = self->position;
    while (self->position < self->length && (hint == 0 || self->position - start < hint)) {
        line = take_line(self, UINT64_MAX);
        if (line == NULL || PyList_Append(lines, line) < 0) {
            Py_XDECREF(line);
            Py_DECREF(lines);
            return NULL;
        }
        Py_DECREF(line);
    }
    return lines;
}

static PyObject *input_next(PyObject *object)
{
    struct input *self = as_input(object);

    if (check_usable(self) < 0 || self->position == self->length)
        return NULL; /* without an exception: the end */
    return take_line(self, UINT64_MAX);
}

static void input_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    drop_file(as_input(object));
    PyObject_Free(object);
    Py_DECREF(type);
}

static PyMethodDef input_methods[] = {
    {"read", PYTHON_METHOD(input_read), METH_FASTCALL,
     "read(size=-1): the next bytes of the request body; b'' at its end."},
    {"readline", PYTHON_METHOD(input_readline), METH_FASTCALL,
     "readline(size=-1): the next line, or the first bytes of it."},
    {"readlines", PYTHON_METHOD(input_readlines), METH_FASTCALL,
     "readlines(hint=-1): lines of about `hint` bytes together."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot input_slots[] = {
    {Py_tp_dealloc, PYTHON_SLOT(input_dealloc)},
    {Py_tp_methods, PYTHON_SLOT(input_methods)},
    {Py_tp_iter, PYTHON_SLOT(PyObject_SelfIter)},
    {Py_tp_iternext, PYTHON_SLOT(input_next)},
    {0, NULL},
};

static PyType_Spec input_spec = {
    .name = "clutch.Input",
    .basicsize = sizeof(struct input),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = input_slots,
};

static PyObject *new_input(PyTypeObject *type)
{
    struct input *self = PyObject_New(struct input, type);

    if (self == NULL)
        return NULL;
    self->memory = NULL;
    self->length = self->position = 0;
    self->body_fd = self->own_fd = -1;
    self->has_ended = self->is_reading = false;
    self->window = NULL;
    self->window_start = self->window_len = 0;
    return (PyObject *)self;
}

int wsgi_inputs_init(struct wsgi_inputs *inputs)
{
    *inputs = (struct wsgi_inputs){.type = python_type_new(&input_spec, false)};
    if (inputs->type == NULL)
        return -1;
    inputs->empty = new_input(inputs->type);
    return inputs->empty != NULL ? 0 : -1;
}

void wsgi_inputs_fini(struct wsgi_inputs *inputs)
{
    Py_CLEAR(inputs->current);
    Py_CLEAR(inputs->empty);
    Py_CLEAR(inputs->type);
}

PyObject *wsgi_inputs_get(struct wsgi_inputs *inputs, const struct request_body *body)
{
    struct input *input;

    if (LIKELY(body->length == 0))
        return inputs->empty;
    if (inputs->current == NULL && (inputs->current = new_input(inputs->type)) == NULL)
        return NULL;
    input = as_input(inputs->current);
    input->memory = body->memory;
    input->body_fd = body->file_fd;
    input->length = body->length;
    input->position = input->window_start = 0;
    input->has_ended = false;
    return inputs->current;
}

void wsgi_inputs_end(struct wsgi_inputs *inputs)
{
    struct input *input = inputs->current != NULL ? as_input(inputs->current) : NULL;

    if (LIKELY(input == NULL))
        return;
    input->has_ended = true;
    input->memory = NULL;
    input->body_fd = -1;
    if (!input->is_reading)
        drop_file(input);
    if (Py_REFCNT(inputs->current) > 1)
        Py_CLEAR(inputs->current);
}
