/* SPDX-License-Identifier: MIT
 * A file as a module. Runs once, on the main thread of a worker or of the zygote, with the GIL. */
#include "app_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "errors.h"
#include "log.h"
#include "search_path.h"

enum { PATH_BYTES = 4096 };

/* Everything that loading needs; all owned, NULL until made. */
struct loading {
    PyObject *name;
    PyObject *path;
    PyObject *loader;
    PyObject *module;
    PyObject *code;
};

static void loading_fini(struct loading *loading)
{
    Py_XDECREF(loading->name);
    Py_XDECREF(loading->path);
    Py_XDECREF(loading->loader);
    Py_XDECREF(loading->module);
    Py_XDECREF(loading->code);
}

/* What keeps a file from being read, or NULL. */
static const char *find_obstacle(const char *file)
{
    struct stat status;

    if (stat(file, &status) < 0 || (S_ISREG(status.st_mode) && access(file, R_OK) < 0))
        return strerror(errno);
    return S_ISREG(status.st_mode) ? NULL : "not a regular file";
}

static bool is_readable(const struct config_app *app)
{
    const char *obstacle = find_obstacle(app->file);
    char directory[PATH_BYTES];

    if (obstacle == NULL)
        return true;
    log_error("application '%s' cannot be loaded: file '%s': %s (current directory: %s)", app->given, app->file,
              obstacle, getcwd(directory, sizeof(directory)) != NULL ? directory : "unknown");
    return false;
}

/* The module's name: the file's without its suffix; with a prefix when a module of that name is there already (an
 * application called signal.py must not take the place of Python's own). */
static PyObject *new_name(struct slice stem)
{
    PyObject *name = PyUnicode_DecodeFSDefaultAndSize(stem.ptr, (Py_ssize_t)stem.len);
    int is_taken = name != NULL ? PyDict_Contains(PyImport_GetModuleDict(), name) : -1;

    if (is_taken < 0)
        Py_CLEAR(name);
    else if (is_taken == 1)
        Py_SETREF(name, PyUnicode_FromFormat("clutch_app_%U", name));
    return name;
}

/* importlib's own loader for source files, and an empty module made for it. */
static int prepare(struct loading *loading)
{
    PyObject *machinery = PyImport_ImportModule("importlib.machinery"), *util = PyImport_ImportModule("importlib.util");
    PyObject *function = NULL, *arguments = NULL, *options = NULL, *spec = NULL;

    if (machinery == NULL || util == NULL)
        goto done;
    loading->loader = PyObject_CallMethod(machinery, "SourceFileLoader", "OO", loading->name, loading->path);
    if (loading->loader == NULL || (function = PyObject_GetAttrString(util, "spec_from_file_location")) == NULL ||
        (arguments = PyTuple_Pack(2, loading->name, loading->path)) == NULL ||
        (options = Py_BuildValue("{s:O}", "loader", loading->loader)) == NULL ||
        (spec = PyObject_Call(function, arguments, options)) == NULL)
        goto done;
    loading->module = PyObject_CallMethod(util, "module_from_spec", "O", spec);
done:
    Py_XDECREF(spec);
    Py_XDECREF(options);
    Py_XDECREF(arguments);
    Py_XDECREF(function);
    Py_XDECREF(util);
    Py_XDECREF(machinery);
    return loading->module != NULL ? 0 : -1;
}

/* A syntax error says where it is; the frames of importlib above it say nothing. */
static void strip_traceback(void)
{
    PyObject *exception = errors_take();

    PyException_SetTraceback(exception, Py_None);
    errors_restore(exception);
}

static int compile(struct loading *loading)
{
    loading->code = PyObject_CallMethod(loading->loader, "get_code", "O", loading->name);
    if (loading->code != NULL)
        return 0;
    if (PyErr_ExceptionMatches(PyExc_SyntaxError))
        strip_traceback();
    return -1;
}

/* Runs the code in the module; from here the traceback begins with the application's own frame. */
static int execute(struct loading *loading)
{
    PyObject *borrowed_modules = PyImport_GetModuleDict(), *borrowed_dict = PyModule_GetDict(loading->module);
    PyObject *result = NULL;

    if (borrowed_dict == NULL || PyDict_SetItemString(borrowed_dict, "__builtins__", PyEval_GetBuiltins()) < 0 ||
        PyObject_SetItem(borrowed_modules, loading->name, loading->module) < 0)
        return -1;
    result = PyEval_EvalCode(loading->code, borrowed_dict, borrowed_dict);
    if (result == NULL) {
        PyObject *exception = errors_take();

        if (PyObject_DelItem(borrowed_modules, loading->name) < 0)
            PyErr_Clear();
        errors_restore(exception);
    }
    Py_XDECREF(result);
    return result != NULL ? 0 : -1;
}

PyObject *app_file_load(const struct config_app *app, const struct errors *errors)
{
    struct loading loading = {.name = NULL};
    struct slice file = slice_of_string(app->file);
    char absolute[PATH_BYTES];
    PyObject *module = NULL;

    if (!is_readable(app))
        return NULL;
    if (search_path_absolute(file, absolute, sizeof(absolute)) < 0) {
        log_error("application '%s' cannot be loaded: the path of its file is too long", app->given);
        return NULL;
    }
    loading.name = new_name(search_path_stem(file));
    loading.path = PyUnicode_DecodeFSDefault(absolute);
    if (loading.name != NULL && loading.path != NULL && prepare(&loading) == 0 && compile(&loading) == 0 &&
        execute(&loading) == 0)
        module = Py_NewRef(loading.module);
    else
        errors_log(errors, "application '%s' cannot be loaded", app->given);
    loading_fini(&loading);
    return module;
}
