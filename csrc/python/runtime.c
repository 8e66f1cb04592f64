/* SPDX-License-Identifier: MIT
 * Start and end of the interpreter. Runs in a worker or the zygote, on what becomes Python's main thread. */
#include "runtime.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "log.h"
#include "stacks_signal.h"
#include "venv.h"

#ifndef CLUTCH_PYTHON_EXECUTABLE
#define CLUTCH_PYTHON_EXECUTABLE ""
#endif

enum { PATH_BYTES = 4096, MESSAGE_BYTES = 8192 };

static const struct venv_release BUILT_FOR = {PY_MAJOR_VERSION, PY_MINOR_VERSION};

const char *runtime_release(void)
{
    static char release[32]; /* written once, before any other thread of the worker exists */

    if (release[0] == '\0')
        snprintf(release, sizeof(release), "%.*s", (int)strcspn(Py_GetVersion(), " "), Py_GetVersion());
    return release;
}

/* What the threads share here is guarded by the GIL. It is asked for in set_switches(), but PYTHON_GIL=0 overrides
 * that.
 */
static int check_gil(void)
{
#ifdef Py_GIL_DISABLED
    PyObject *function = PySys_GetObject("_is_gil_enabled"); /* borrowed */
    PyObject *answer = function != NULL ? PyObject_CallObject(function, NULL) : NULL;
    bool is_disabled = answer == Py_False;

    Py_XDECREF(answer);
    PyErr_Clear();
    if (is_disabled) {
        log_error("PYTHON_GIL=0 or -X gil=0: this server needs the GIL of a free-threaded Python to be on; unset it, "
                  "and use --workers to run on several cores");
        return -1;
    }
#endif
    return 0;
}

/* The library found at run time may be another one than the headers at build time; only the last number may differ. */
static bool is_release_expected(void)
{
    struct venv_release linked;

    if (venv_parse_release(Py_GetVersion(), &linked) && linked.major == BUILT_FOR.major &&
        linked.minor == BUILT_FOR.minor)
        return true;
    log_error("clutch was built for Python %d.%d, but the libpython that was loaded is %s: install the one it was "
              "built for, or "
              "build clutch anew",
              BUILT_FOR.major, BUILT_FOR.minor, runtime_release());
    return false;
}

static int check_status(PyStatus status, const char *doing)
{
    if (!PyStatus_Exception(status))
        return 0;
    log_error("Python cannot start (%s): %s%s%s", doing, status.func != NULL ? status.func : "",
              status.func != NULL ? ": " : "", status.err_msg != NULL ? status.err_msg : "no reason given");
    return -1;
}

/* The isolated defaults would also shut out what users expect: a UTF-8 locale, PYTHONPATH and the like. */
static int preinitialise(void)
{
    PyPreConfig preconfig;

    PyPreConfig_InitIsolatedConfig(&preconfig);
    preconfig.isolated = 0;
    preconfig.use_environment = 1;
    preconfig.configure_locale = 1;
    preconfig.utf8_mode = -1;
    preconfig.dev_mode = -1;
    return check_status(Py_PreInitialize(&preconfig), "locale and encoding");
}

static void set_switches(PyConfig *config)
{
    config->isolated = 0;
    config->use_environment = 1;
    config->user_site_directory = 0;
    config->dev_mode = -1;
    config->tracemalloc = -1;
    config->use_hash_seed = -1;
    config->parse_argv = 0;
    config->install_signal_handlers = 0;
    config->faulthandler = 1;
    config->site_import = 1;
    /* What C code of extension modules prints through stdio must not wait in a buffer either. */
    config->configure_c_stdio = 1;
    config->buffered_stdio = 0;
#if PY_VERSION_HEX >= 0x030C0000
    config->perf_profiling = -1;
#endif
#ifdef Py_GIL_DISABLED
    config->enable_gil = 1;
#endif
}

/* Finds and checks the virtual environment; `directory` is empty when there is none. */
static int find_venv(const struct config *config, char *directory, size_t size)
{
    char own[PATH_BYTES], error[MESSAGE_BYTES];
    struct venv venv = venv_find(config->venv, own, sizeof(own));
    int result;

    directory[0] = '\0';
    if (venv.directory == NULL)
        return 0;
    result = venv_resolve(venv.directory, config->chdir, directory, size);
    if (result < 0) {
        log_error("%s (%s) is not a virtual environment: %s", venv.directory, venv.source, strerror(-result));
        return -1;
    }
    if (!venv_is_usable(&venv, directory, BUILT_FOR, error, sizeof(error))) {
        log_error("%s", error);
        return -1;
    }
    return 0;
}

/* Left alone, Python takes whatever `python3` is first on PATH for sys.executable, of any version. */
static int set_executable(PyConfig *config, const char *venv)
{
    char path[PATH_BYTES], name[32];

    snprintf(name, sizeof(name), "python%d.%d", BUILT_FOR.major, BUILT_FOR.minor);
    if (!venv_find_executable(venv[0] != '\0' ? venv : NULL, CLUTCH_PYTHON_EXECUTABLE, BUILT_FOR, path, sizeof(path)))
        return check_status(PyConfig_SetBytesString(config, &config->program_name, name), "program name");
    if (check_status(PyConfig_SetBytesString(config, &config->program_name, path), "program name") < 0)
        return -1;
    return check_status(PyConfig_SetBytesString(config, &config->executable, path), "executable");
}

static int set_argv(PyConfig *config, const struct config_app *app)
{
    wchar_t *name = Py_DecodeLocale(app->file != NULL ? app->file : "clutch", NULL);
    int result;

    if (name == NULL) {
        log_error("Python cannot start: the name of the application's file cannot be decoded in this locale");
        return -1;
    }
    result = check_status(PyWideStringList_Append(&config->argv, name), "sys.argv");
    PyMem_RawFree(name);
    return result;
}

static int initialise(const struct config *settings, const char *venv)
{
    PyConfig config;
    int result = -1;

    PyConfig_InitIsolatedConfig(&config);
    set_switches(&config);
    if (set_executable(&config, venv) == 0 && set_argv(&config, &settings->app) == 0)
        result = check_status(Py_InitializeFromConfig(&config), "interpreter");
    PyConfig_Clear(&config);
    return result;
}

int runtime_start(const struct config *config)
{
    char venv[PATH_BYTES];

    if (!is_release_expected() || find_venv(config, venv, sizeof(venv)) < 0 || preinitialise() < 0)
        return -1;
    return initialise(config, venv) == 0 ? check_gil() : -1;
}

/* Where the application waits while it is loaded, or does not end. */
static PyObject *show_stacks(PyObject *faulthandler)
{
    PyObject *result =
        PyObject_CallMethod(faulthandler, "register", "iiOO", STACKS_SIGNAL, log_fd(), Py_True, Py_False);
    struct sigaction action;

    if (result != NULL && sigaction(STACKS_SIGNAL, NULL, &action) == 0) {
        action.sa_flags |= SA_RESTART;
        sigaction(STACKS_SIGNAL, &action, NULL);
    }
    return result;
}

int runtime_show_crashes(void)
{
    PyObject *module = PyImport_ImportModule("faulthandler");
    PyObject *result = module != NULL ? PyObject_CallMethod(module, "enable", "i", log_fd()) : NULL;

    if (result != NULL) {
        Py_DECREF(result);
        result = show_stacks(module);
    }
    Py_XDECREF(result);
    Py_XDECREF(module);
    return result != NULL ? 0 : -1;
}

void runtime_stop(void)
{
    if (Py_FinalizeEx() < 0)
        log_warning("Python could not flush all of the application's output at the end");
}
