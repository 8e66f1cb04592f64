/* SPDX-License-Identifier: MIT
 * wsgi.file_wrapper. Runs on app threads with the GIL. */
#include "wsgi_file.h"

#include <sys/stat.h>

#include "names.h"
#include "wsgi_response.h"

enum { DEFAULT_BLOCK_BYTES = 8192 };

struct file_wrapper {
    PyObject ob_base;   /* PyObject_HEAD, as a declaration */
    PyObject *filelike; /* owned; NULL before __init__ */
    Py_ssize_t block_size;
};

static struct file_wrapper *as_wrapper(PyObject *object)
{
    return (struct file_wrapper *)(void *)object;
}

static int wrapper_init(PyObject *object, PyObject *arguments, PyObject *keywords)
{
    static char filelike_name[] = "filelike", block_name[] = "blksize";
    static char *names[] = {filelike_name, block_name, NULL};
    struct file_wrapper *self = as_wrapper(object);
    Py_ssize_t block_size = DEFAULT_BLOCK_BYTES;
    PyObject *filelike, *earlier;

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|n:file_wrapper", names, &filelike, &block_size))
        return -1;
    earlier = self->filelike; /* only now: reading the arguments may have called this function */
    self->filelike = Py_NewRef(filelike);
    self->block_size = block_size > 0 ? block_size : DEFAULT_BLOCK_BYTES;
    Py_XDECREF(earlier);
    return 0;
}

static int wrapper_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(as_wrapper(object)->filelike);
    return 0;
}

static int wrapper_clear(PyObject *object)
{
    Py_CLEAR(as_wrapper(object)->filelike);
    return 0;
}

static void wrapper_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    (void)wrapper_clear(object);
    PyObject_GC_Del(object);
    Py_DECREF(type);
}

static int check_filelike(const struct file_wrapper *self)
{
    if (self->filelike != NULL)
        return 0;
    PyErr_SetString(PyExc_ValueError, "file_wrapper was not given a file");
    return -1;
}

/* The next block, whatever read() gives; the end is b'', or anything else that is false. */
static PyObject *wrapper_next(PyObject *object)
{
    struct file_wrapper *self = as_wrapper(object);
    PyObject *filelike, *block;
    int is_true;

    if (check_filelike(self) < 0)
        return NULL;
    filelike = Py_NewRef(self->filelike); /* __init__() may replace ours meanwhile */
    block = PyObject_CallMethod(filelike, "read", "n", self->block_size);
    Py_DECREF(filelike);
    is_true = block != NULL ? PyObject_IsTrue(block) : -1;
    if (is_true != 1)
        Py_CLEAR(block);
    return block;
}

static PyObject *wrapper_close(PyObject *object, PyObject *Py_UNUSED(nothing))
{
    struct file_wrapper *self = as_wrapper(object);
    PyObject *name = PyUnicode_FromString("close"), *close = NULL, *result = NULL;
    int found = name != NULL && check_filelike(self) == 0 ? python_find_attr(self->filelike, name, &close) : -1;

    if (found == 1)
        result = PyObject_CallObject(close, NULL);
    else if (found == 0)
        result = Py_NewRef(Py_None);
    Py_XDECREF(close);
    Py_XDECREF(name);
    return result;
}

static PyMemberDef wrapper_members[] = {
    {"filelike", Py_T_OBJECT_EX, offsetof(struct file_wrapper, filelike), Py_READONLY, "The file that is wrapped."},
    {"blksize", Py_T_PYSSIZET, offsetof(struct file_wrapper, block_size), Py_READONLY,
     "Bytes that one read() asks for."},
    {NULL, 0, 0, 0, NULL},
};

static PyMethodDef wrapper_methods[] = {
    {"close", wrapper_close, METH_NOARGS, "Closes the file, when it can be closed."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot wrapper_slots[] = {
    {Py_tp_init, PYTHON_SLOT(wrapper_init)},
    {Py_tp_dealloc, PYTHON_SLOT(wrapper_dealloc)},
    {Py_tp_traverse, PYTHON_SLOT(wrapper_traverse)},
    {Py_tp_clear, PYTHON_SLOT(wrapper_clear)},
    {Py_tp_iter, PYTHON_SLOT(PyObject_SelfIter)},
    {Py_tp_iternext, PYTHON_SLOT(wrapper_next)},
    {Py_tp_methods, PYTHON_SLOT(wrapper_methods)},
    {Py_tp_members, PYTHON_SLOT(wrapper_members)},
    {0, NULL},
};

static PyType_Spec wrapper_spec = {
    .name = "clutch.FileWrapper",
    .basicsize = sizeof(struct file_wrapper),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = wrapper_slots,
};

int wsgi_files_init(struct wsgi_files *files)
{
    PyObject *io = PyImport_ImportModule("io");

    *files = (struct wsgi_files){.wrapper = python_type_new(&wrapper_spec, true)};
    if (io != NULL) {
        files->plain_file = PyObject_GetAttrString(io, "FileIO");
        files->plain_reader = PyObject_GetAttrString(io, "BufferedReader");
        files->plain_random = PyObject_GetAttrString(io, "BufferedRandom");
    }
    Py_XDECREF(io);
    return files->wrapper != NULL && files->plain_file != NULL && files->plain_reader != NULL &&
                   files->plain_random != NULL
               ? 0
               : -1;
}

void wsgi_files_fini(struct wsgi_files *files)
{
    Py_CLEAR(files->wrapper);
    Py_CLEAR(files->plain_file);
    Py_CLEAR(files->plain_reader);
    Py_CLEAR(files->plain_random);
}

static bool has_type(PyObject *object, PyObject *type)
{
    return (PyObject *)Py_TYPE(object) == type;
}

/* Whether a file's read() gives the bytes of its descriptor as they are. */
static bool is_plain(const struct wsgi_files *files, const struct names *names, PyObject *file)
{
    PyObject *raw = NULL;
    bool result;

    if (has_type(file, files->plain_file))
        return true;
    if (!has_type(file, files->plain_reader) && !has_type(file, files->plain_random))
        return false;
    result = python_find_attr(file, names->texts[NAME_raw], &raw) == 1 && has_type(raw, files->plain_file);
    Py_XDECREF(raw);
    return result;
}

/* Whether a function is tempfile's, which gives what the function that it wraps gives; any other may change it. */
static bool is_of_tempfile(PyObject *function)
{
    PyObject *globals = PyFunction_Check(function) ? PyFunction_GET_GLOBALS(function) : NULL; /* borrowed, as is name */
    PyObject *name = globals != NULL ? PyDict_GetItemString(globals, "__name__") : NULL;

    return name != NULL && PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, "tempfile") == 0;
}

/* The file whose read() method `filelike` has, itself or (a function of tempfile tells what it wraps) at second hand.
 * New reference; NULL, perhaps with an exception, when it is none of the io module's plain files. */
static PyObject *find_plain_file(const struct wsgi_files *files, const struct names *names, PyObject *filelike)
{
    PyObject *read = NULL, *wrapped = NULL, *owner;

    if (python_find_attr(filelike, names->texts[NAME_read], &read) != 1)
        return NULL;
    if (is_of_tempfile(read) && python_find_attr(read, names->texts[NAME_wrapped], &wrapped) == 1) {
        Py_SETREF(read, wrapped);
    }
    owner = PyCFunction_Check(read) ? PyCFunction_GET_SELF(read) : NULL; /* borrowed from read */
    if (owner != NULL)
        owner = is_plain(files, names, owner) ? Py_NewRef(owner) : NULL;
    Py_DECREF(read);
    return owner;
}

/* Passes on what was written to a file and lies in its buffer: read() would see it, and the descriptor shall too.
 * Returns false, with an exception, when it fails. */
static bool flush(const struct wsgi_files *files, PyObject *file)
{
    PyObject *answer;

    if (!has_type(file, files->plain_random))
        return true;
    answer = PyObject_CallMethod(file, "flush", NULL);
    Py_XDECREF(answer);
    return answer != NULL;
}

/* Where the next read() of a file would begin; -1, perhaps with an exception. */
static long long find_position(const struct names *names, PyObject *file)
{
    PyObject *answer = PyObject_CallMethodObjArgs(file, names->texts[NAME_tell], NULL);
    long long position = answer != NULL ? PyLong_AsLongLong(answer) : -1;

    Py_XDECREF(answer);
    return position;
}

/* Sends `rest` bytes of a file, or what the declared length allows. */
static int send_bytes(struct wsgi_response *response, int fd, long long position, uint64_t rest)
{
    uint64_t room = wsgi_response_room(response);
    uint64_t length = rest < room ? rest : room;

    if (wsgi_response_check_length(response, rest) < 0)
        return -1;
    response->exchange->block_count++;
    if (length > 0)
        wsgi_response_write_file(response, fd, (off_t)position, length);
    else
        wsgi_response_write(response, NULL, 0, true);
    return 1;
}

int wsgi_file_send(const struct wsgi_files *files, const struct names *names, struct wsgi_response *response,
                   PyObject *wrapper)
{
    PyObject *filelike = as_wrapper(wrapper)->filelike, *file;
    struct stat status;
    long long position = -1;
    int fd = -1, result = 0;

    file = filelike != NULL ? find_plain_file(files, names, filelike) : NULL;
    if (file != NULL && flush(files, file) && (fd = PyObject_AsFileDescriptor(file)) >= 0 && fstat(fd, &status) == 0 &&
        S_ISREG(status.st_mode))
        position = find_position(names, file);
    if (position < 0 && PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception))
        result = -1; /* the request is to end */
    else /* a closed file, or one that cannot tell: reading it says what is wrong, in the application's terms */
        PyErr_Clear();
    if (position >= 0)
        result =
            send_bytes(response, fd, position, status.st_size > position ? (uint64_t)(status.st_size - position) : 0);
    Py_XDECREF(file);
    return result;
}
