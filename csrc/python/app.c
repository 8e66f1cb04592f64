/* SPDX-License-Identifier: MIT
 * Loading the application. Runs once, on the main thread of a worker or of the zygote, with the GIL. */
#include "app.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app_file.h"
#include "config.h"
#include "errors.h"
#include "log.h"
#include "names.h"
#include "search_path.h"

enum { PATH_BYTES = 4096, LIST_BYTES = 512, NAME_BYTES = 256 };

/* Inserts a directory of the user's at `index`; one that cannot be made absolute is passed over with a warning. */
static int insert_path(Py_ssize_t index, struct slice directory)
{
    PyObject *path = PySys_GetObject("path"), *text; /* path: borrowed */
    char absolute[PATH_BYTES];
    int result = search_path_absolute(directory, absolute, sizeof(absolute));

    if (result < 0) {
        log_warning("'%.*s' cannot be put on sys.path: %s", (int)directory.len, directory.ptr, strerror(-result));
        return 0;
    }
    text = PyUnicode_DecodeFSDefault(absolute);
    result = text != NULL && path != NULL ? PyList_Insert(path, index, text) : -1;
    Py_XDECREF(text);
    return result;
}

int app_set_search_path(const struct config *config, const struct errors *errors)
{
    struct slice own = slice_of("", 0);
    Py_ssize_t index = 0;
    int result = 0;

    if (config->app.file != NULL)
        own = search_path_directory(slice_of_string(config->app.file));
    for (size_t i = 0; result == 0 && i < config->pythonpath.count; i++)
        result = insert_path(index++, slice_of_string(config->pythonpath.items[i]));
    if (result == 0)
        result = insert_path(index, own);
    if (result < 0)
        errors_log(errors, "sys.path cannot be set");
    return result;
}

/* Whether a ModuleNotFoundError is about `module` itself or a package that it lies in, not about something that it
 * imports. */
static bool is_about_module(PyObject *exception, const char *module)
{
    PyObject *name = PyObject_GetAttrString(exception, "name");
    const char *missing = name != NULL && PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : NULL;
    size_t len = missing != NULL ? strlen(missing) : 0;
    bool result = len > 0 && strncmp(missing, module, len) == 0 && (module[len] == '\0' || module[len] == '.');

    PyErr_Clear();
    Py_XDECREF(name);
    return result;
}

static bool is_forbidden(const char *path)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return errno == EACCES;
    /* An archive, which is imported from as well, may be no program. */
    return access(path, S_ISDIR(status.st_mode) ? R_OK | X_OK : R_OK) < 0 && errno == EACCES;
}

/* The first place of sys.path that this process may not look into, for which Python just goes on to the next: a
 * borrowed text, or NULL. */
static const char *find_forbidden_place(void)
{
    PyObject *path = PySys_GetObject("path"); /* borrowed */
    Py_ssize_t count = path != NULL && PyList_Check(path) ? PyList_GET_SIZE(path) : 0;

    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PyList_GET_ITEM(path, i);
        const char *place = PyUnicode_Check(item) ? PyUnicode_AsUTF8(item) : "";

        if (place == NULL)
            PyErr_Clear();
        else if (is_forbidden(place[0] != '\0' ? place : "."))
            return place[0] != '\0' ? place : ".";
    }
    return NULL;
}

/* Says that the module does not exist; returns false, with the exception still set, when something else is wrong. */
static bool explain_missing_module(const struct config_app *app)
{
    char directory[PATH_BYTES];
    const char *forbidden;
    PyObject *exception;

    if (!PyErr_ExceptionMatches(PyExc_ModuleNotFoundError))
        return false;
    exception = errors_take();
    if (!is_about_module(exception, app->module)) {
        errors_restore(exception);
        return false;
    }
    Py_DECREF(exception);
    forbidden = find_forbidden_place();
    log_error(
        "application '%s' cannot be loaded: there is no module '%s' in %s nor elsewhere on sys.path (see --chdir and "
        "--pythonpath)%s%s%s",
        app->given, app->module, getcwd(directory, sizeof(directory)) != NULL ? directory : ".",
        forbidden != NULL ? "; the user of the workers may not look into '" : "", forbidden != NULL ? forbidden : "",
        forbidden != NULL ? "'" : "");
    return true;
}

static PyObject *load_module(const struct config_app *app, const struct errors *errors)
{
    PyObject *module;

    if (app->file != NULL)
        return app_file_load(app, errors);
    module = PyImport_ImportModule(app->module);
    if (module == NULL && !explain_missing_module(app))
        errors_log(errors, "application '%s' cannot be loaded", app->given);
    return module;
}

/* Writes the names of what can be called in a module, "main, create_app", as far as they fit; "" when there is none.
 * What begins with '_' or is a class is hardly meant. */
static void list_callables(PyObject *module, char *out, size_t size)
{
    PyObject *key, *value, *dict = PyModule_Check(module) ? PyModule_GetDict(module) : NULL; /* all borrowed */
    Py_ssize_t position = 0;
    size_t len = 0;

    out[0] = '\0';
    while (dict != NULL && PyDict_Next(dict, &position, &key, &value)) {
        const char *name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : NULL;

        if (name == NULL || name[0] == '_' || PyType_Check(value) || !PyCallable_Check(value))
            continue;
        if (len + strlen(name) + 3 > size)
            break;
        len += (size_t)snprintf(out + len, size - len, "%s%s", len > 0 ? ", " : "", name);
    }
    PyErr_Clear();
}

static void explain_missing_name(const struct config_app *app, PyObject *module, const char *wanted)
{
    char names[LIST_BYTES];
    const char *hint = "";

    list_callables(module, names, sizeof(names));
    if (strchr(wanted, '(') != NULL)
        hint = "; a factory is not called here, so let the module call it and give the result a name";
    log_error("application '%s' cannot be loaded: %s has no %s%s; %s%s", app->given,
              app->module != NULL ? app->module : app->file, wanted, hint,
              names[0] != '\0' ? "what can be called there: " : "nothing that could be called is there", names);
}

/* Follows a dotted name from the module. New reference; NULL with or without an exception (none: some part does not
 * exist). */
static PyObject *find_dotted(PyObject *module, const char *dotted)
{
    PyObject *object = Py_NewRef(module);

    while (object != NULL) {
        size_t len = strcspn(dotted, ".");
        PyObject *name = PyUnicode_DecodeUTF8(dotted, (Py_ssize_t)len, "surrogateescape"), *next = NULL;

        if (name != NULL && python_find_attr(object, name, &next) < 0)
            next = NULL;
        Py_XDECREF(name);
        Py_SETREF(object, next);
        if (dotted[len] == '\0')
            break;
        dotted += len + 1;
    }
    return object;
}

/* Tries the default names, in order. New reference; NULL with or without an exception. */
static PyObject *find_default(PyObject *module, const struct names *names)
{
    static const enum name_id candidates[] = {NAME_application, NAME_app};
    PyObject *object = NULL;

    for (size_t i = 0; i < ARRAY_COUNT(candidates); i++) {
        if (python_find_attr(module, names->texts[candidates[i]], &object) != 0)
            break;
    }
    return object;
}

static PyObject *find_application(const struct config *config, PyObject *module, const struct names *names,
                                  const struct errors *errors)
{
    const char *wanted = config->app.callable != NULL ? config->app.callable : config->callable;
    PyObject *object = wanted != NULL ? find_dotted(module, wanted) : find_default(module, names);
    char quoted[NAME_BYTES];

    if (object != NULL)
        return object;
    if (PyErr_Occurred()) {
        errors_log(errors, "application '%s' cannot be loaded", config->app.given);
        return NULL;
    }
    snprintf(quoted, sizeof(quoted), "'%s'", wanted != NULL ? wanted : "");
    explain_missing_name(&config->app, module, wanted != NULL ? quoted : "'application' and no 'app'");
    return NULL;
}

/* Whether a call gives a coroutine, as ASGI applications do: an async function, or an object with an async __call__. */
static bool is_async(PyObject *object, const struct names *names)
{
    PyObject *function = NULL;
    bool result = false;

    if (PyFunction_Check(object))
        function = Py_NewRef(object);
    else if (python_find_attr((PyObject *)Py_TYPE(object), names->texts[NAME_call], &function) < 0)
        PyErr_Clear();
    if (function != NULL && PyFunction_Check(function))
        result = (((PyCodeObject *)PyFunction_GET_CODE(function))->co_flags & CO_COROUTINE) != 0;
    Py_XDECREF(function);
    return result;
}

static bool check_application(const struct config *config, PyObject *object, const struct names *names)
{
    if (!PyCallable_Check(object)) {
        log_error("application '%s' cannot be loaded: it is an object of type %s, which cannot be called",
                  config->app.given, Py_TYPE(object)->tp_name);
        return false;
    }
    if (is_async(object, names)) {
        log_error(
            "application '%s' cannot be served: it is asynchronous (ASGI), and this server calls WSGI applications",
            config->app.given);
        return false;
    }
    return true;
}

PyObject *app_load(const struct config *config, const struct names *names, const struct errors *errors)
{
    PyObject *module = load_module(&config->app, errors), *object;

    if (module == NULL)
        return NULL;
    object = find_application(config, module, names, errors);
    Py_DECREF(module);
    if (object != NULL && !check_application(config, object, names))
        Py_CLEAR(object);
    return object;
}
