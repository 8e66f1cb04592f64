/* SPDX-License-Identifier: MIT
 * Runs a configuration file in Python. The program that does so serves nothing: one thread, no other process. */
#include "runtime.h"

#include "settings_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "errors.h"
#include "fd.h"
#include "importer.h"
#include "log.h"
#include "search_path.h"

enum { MOST_VALUES = 256, PATH_BYTES = 4096 };

/* The values of one setting; `owned` keeps their texts alive. */
struct values {
    const char *texts[MOST_VALUES];
    PyObject *owned[MOST_VALUES];
    size_t count;
};

/* Adds the text of a str, an int, a float or a bool. False when it is none, or not to be had; no exception. */
static bool add_text(struct values *values, PyObject *object)
{
    PyObject *text = NULL;
    const char *bytes;
    Py_ssize_t len = 0;

    if (values->count < MOST_VALUES && PyUnicode_Check(object))
        text = Py_NewRef(object);
    else if (values->count < MOST_VALUES && (PyLong_Check(object) || PyFloat_Check(object)))
        text = PyObject_Str(object);
    bytes = text != NULL ? PyUnicode_AsUTF8AndSize(text, &len) : NULL;
    PyErr_Clear();
    if (bytes == NULL || strlen(bytes) != (size_t)len) { /* none, or with a NUL inside */
        Py_XDECREF(text);
        return false;
    }
    values->owned[values->count] = text;
    values->texts[values->count++] = bytes;
    return true;
}

static enum import_kind read_value(struct values *values, PyObject *object)
{
    if (PyList_Check(object) || PyTuple_Check(object)) {
        PyObject *items = PySequence_Tuple(object); /* a copy: see tell_settings */
        bool is_text = items != NULL;

        for (Py_ssize_t i = 0; is_text && i < PyTuple_GET_SIZE(items); i++)
            is_text = add_text(values, PyTuple_GET_ITEM(items, i));
        PyErr_Clear();
        Py_XDECREF(items);
        return is_text ? IMPORT_TEXT : IMPORT_OTHER;
    }
    if (add_text(values, object))
        return PyLong_Check(object) && !PyBool_Check(object) ? IMPORT_NUMBER : IMPORT_TEXT;
    return PyCallable_Check(object) ? IMPORT_CODE : IMPORT_OTHER;
}

static void tell_setting(PyObject *name, PyObject *object, settings_file_fn *on_setting, void *context)
{
    struct values values = {.count = 0};
    struct import_setting setting = {.values = values.texts};

    if (object == Py_None || !PyUnicode_Check(name) || (setting.name = PyUnicode_AsUTF8(name)) == NULL) {
        PyErr_Clear();
        return;
    }
    setting.kind = read_value(&values, object);
    setting.count = setting.kind == IMPORT_OTHER ? 0 : values.count;
    on_setting(context, &setting);
    while (values.count > 0)
        Py_DECREF(values.owned[--values.count]);
}

/* The current directory comes first, as where gunicorn is started. */
static int set_search_path(void)
{
    PyObject *path = PySys_GetObject("path"), *empty = PyUnicode_FromString(""); /* path: borrowed */
    int result = path != NULL && empty != NULL ? PyList_Insert(path, 0, empty) : -1;

    Py_XDECREF(empty);
    return result;
}

/* A syntax error says where it is; the frames of importlib above it say nothing. */
static void strip_traceback(void)
{
    PyObject *exception = errors_take();

    PyException_SetTraceback(exception, Py_None);
    errors_restore(exception);
}

/* The file as code, without a word to __pycache__: a new reference, or NULL with an exception. */
static PyObject *compile_file(PyObject *path)
{
    PyObject *machinery = PyImport_ImportModule("importlib.machinery"), *loader = NULL, *bytes = NULL, *code = NULL;

    if (machinery != NULL)
        loader = PyObject_CallMethod(machinery, "SourceFileLoader", "sO", "__config__", path);
    if (loader != NULL)
        bytes = PyObject_CallMethod(loader, "get_data", "O", path);
    if (bytes != NULL)
        code = PyObject_CallMethod(loader, "source_to_code", "OO", bytes, path);
    if (code == NULL)
        strip_traceback();
    Py_XDECREF(bytes);
    Py_XDECREF(loader);
    Py_XDECREF(machinery);
    return code;
}

/* The names that the file leaves behind: a new dict, or NULL with an exception. */
static PyObject *run_file(const char *path)
{
    char absolute[PATH_BYTES];
    bool is_short = search_path_absolute(slice_of_string(path), absolute, sizeof(absolute)) == 0;
    PyObject *file = set_search_path() == 0 ? PyUnicode_DecodeFSDefault(is_short ? absolute : path) : NULL;
    PyObject *code = file != NULL ? compile_file(file) : NULL, *result = NULL;
    PyObject *names = code != NULL ? Py_BuildValue("{s:s,s:O,s:O}", "__name__", "__config__", "__file__", file,
                                                   "__builtins__", PyEval_GetBuiltins())
                                   : NULL;

    if (names != NULL)
        result = PyEval_EvalCode(code, names, names);
    if (result == NULL)
        Py_CLEAR(names);
    Py_XDECREF(result);
    Py_XDECREF(code);
    Py_XDECREF(file);
    return names;
}

/* Turning an object into text may run Python, which may change the names: so it works on a copy of them. */
static int tell_settings(const char *path, settings_file_fn *on_setting, void *context)
{
    PyObject *names = NULL, *items = NULL;
    struct errors errors;

    if (errors_init(&errors) < 0) {
        PyErr_Clear();
        log_error("Python's module traceback cannot be loaded");
        return -1;
    }
    names = run_file(path);
    if (names == NULL)
        errors_log(&errors, "'%s' cannot be run", path);
    else if ((items = PyDict_Items(names)) == NULL)
        errors_log(&errors, "'%s' cannot be read", path);
    for (Py_ssize_t i = 0; items != NULL && i < PyList_GET_SIZE(items); i++)
        tell_setting(PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 0), PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 1),
                     on_setting, context);
    errors_fini(&errors);
    Py_XDECREF(items);
    Py_XDECREF(names);
    return items != NULL ? 0 : -1;
}

int settings_file_run(const char *path, settings_file_fn *on_setting, void *context)
{
    const struct config nothing = {.venv = NULL};
    int out = dup(STDOUT_FILENO), result = -1;

    if (out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        log_error("standard output cannot be kept for the result: %s", strerror(errno));
    else if (runtime_start(&nothing) == 0) {
        result = tell_settings(path, on_setting, context);
        runtime_stop();
    }
    if (out >= 0 && dup2(out, STDOUT_FILENO) < 0)
        result = -1;
    fd_close(&out);
    return result;
}
