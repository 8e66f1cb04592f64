/* SPDX-License-Identifier: MIT
 * The modules uwsgi and uwsgidecorators: the few things that applications do with them and that have a counterpart
 * here. Run wherever the application does, with the GIL. */
#include "uwsgi_module.h"

#include "python_api.h"

#include <signal.h>
#include <unistd.h>

#include "clutch_hooks.h"
#include "clutch_module.h"
#include "config.h"
#include "python_gateway_priv.h"

static pid_t master_pid; /* of the process that has made us, or the zygote we come from */

/* What is not there says so; hasattr() is False for it. */
static const char UWSGI[] =
    "import clutch\n"
    "\n"
    "numproc = clutch.worker_count()\n"
    "cores = clutch.thread_count()\n"
    "version = b'clutch/' + clutch.version.encode()\n"
    "\n"
    "def worker_id():\n"
    "    \"\"\"The number of this worker, from 1; 0 where --preload loads the application.\"\"\"\n"
    "    return clutch.worker_id()\n"
    "\n"
    "def is_a_reload():\n"
    "    \"\"\"Whether the server has been reloaded since its start.\"\"\"\n"
    "    return clutch.generation() > 1\n"
    "\n"
    "def _post_fork():\n"
    "    hook = globals().get('post_fork_hook')\n"
    "    if hook is not None:\n"
    "        hook()\n"
    "\n"
    "def __getattr__(name):\n"
    "    raise AttributeError('clutch has no uwsgi.' + name + '; its uwsgi module (--uwsgi-module) has '\n"
    "                         'worker_id, masterpid, reload, is_a_reload, numproc, cores, version, opt '\n"
    "                         'and post_fork_hook')\n";

static const char DECORATORS[] =
    "import functools\n"
    "import clutch\n"
    "\n"
    "def postfork(function):\n"
    "    \"\"\"Decorator: call the function in each worker once the application is loaded, as\n"
    "    @clutch.on_worker_start does; @postfork(2): in worker 2 alone.\"\"\"\n"
    "    if callable(function):\n"
    "        return clutch.on_worker_start(function)\n"
    "    number = int(function)\n"
    "    def decorate(function):\n"
    "        @functools.wraps(function)\n"
    "        def run():\n"
    "            if clutch.worker_id() == number:\n"
    "                function()\n"
    "        clutch.on_worker_start(run)\n"
    "        return function\n"
    "    return decorate\n"
    "\n"
    "def __getattr__(name):\n"
    "    raise AttributeError('clutch has no uwsgidecorators.' + name + '; of uWSGI\\'s decorators it has postfork '\n"
    "                         'alone: timers, cron jobs, spoolers, mules, locks and signals are for a task queue')\n";

static PyObject *masterpid(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(arguments))
{
    return PyLong_FromLong(master_pid);
}

/* A process that the application forked has another parent; after the master's death its pid may be anybody's. */
static PyObject *reload(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(arguments))
{
    const struct gateway *gateway = clutch_module_gateway();

    if (!gateway->has_begun || gateway->place.ask_reload == NULL || getppid() != master_pid)
        return PyErr_Format(PyExc_RuntimeError, "uwsgi.reload() works in a worker that serves, and only there");
    /* The application may have closed a descriptor that it has not opened. */
    if (gateway->place.ask_reload(gateway->place.context) < 0 && kill(master_pid, SIGHUP) < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_TRUE;
}

static PyMethodDef functions[] = {
    {"masterpid", PYTHON_METHOD(masterpid), METH_NOARGS, "masterpid()\n--\n\nThe process id of the master."},
    {"reload", PYTHON_METHOD(reload), METH_NOARGS,
     "reload()\n--\n\nAsk the master for a reload, whatever user this worker runs as; within five\nseconds of the last "
     "one "
     "it begins when these are over. RuntimeError outside a\nworker that serves."},
    {NULL, NULL, 0, NULL},
};

/* Some of the options that libraries look at, as uWSGI gives them: names are str, values bytes or True. */
static PyObject *make_options(void)
{
    const struct config *config = clutch_module_gateway()->config;
    char workers[24], threads[24];
    PyObject *options;

    snprintf(workers, sizeof(workers), "%lld", (long long)config->workers);
    snprintf(threads, sizeof(threads), "%lld", (long long)config->threads);
    options = Py_BuildValue("{sOsOsOsysy}", "master", Py_True, "enable-threads", Py_True, "py-call-uwsgi-fork-hooks",
                            Py_True, "processes", workers, "threads", threads);
    if (options != NULL && !config->preload && PyDict_SetItemString(options, "lazy-apps", Py_True) < 0)
        Py_CLEAR(options);
    return options;
}

/* Runs the source of a module in it. */
static int run_source(PyObject *module, const char *source)
{
    PyObject *names = PyModule_GetDict(module), *result = NULL;

    if (PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins()) == 0)
        result = PyRun_String(source, Py_file_input, names, names);
    Py_XDECREF(result);
    return result != NULL ? 0 : -1;
}

static int execute_uwsgi(PyObject *module)
{
    PyObject *options = make_options(), *post_fork = NULL;
    int result = options != NULL ? PyObject_SetAttrString(module, "opt", options) : -1;

    Py_XDECREF(options);
    if (result == 0)
        result = run_source(module, UWSGI);
    if (result == 0 && !clutch_module_gateway()->has_begun) {
        post_fork = PyObject_GetAttrString(module, "_post_fork");
        result = post_fork != NULL ? clutch_hooks_register(CLUTCH_ON_WORKER_START, post_fork) : -1;
        Py_XDECREF(post_fork);
    }
    return result;
}

static int execute_decorators(PyObject *module)
{
    return run_source(module, DECORATORS);
}

static PyModuleDef_Slot uwsgi_slots[] = {
    {Py_mod_exec, PYTHON_SLOT(execute_uwsgi)},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static PyModuleDef_Slot decorators_slots[] = {
    {Py_mod_exec, PYTHON_SLOT(execute_decorators)},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef uwsgi_definition = {
    PyModuleDef_HEAD_INIT,  .m_name = "uwsgi",      .m_doc = "What clutch has of uWSGI's module of this name.",
    .m_methods = functions, .m_slots = uwsgi_slots,
};

static struct PyModuleDef decorators_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "uwsgidecorators",
    .m_doc = "What clutch has of uWSGI's module of this name.",
    .m_slots = decorators_slots,
};

static PyObject *initialise_uwsgi(void)
{
    return PyModuleDef_Init(&uwsgi_definition);
}

static PyObject *initialise_decorators(void)
{
    return PyModuleDef_Init(&decorators_definition);
}

int uwsgi_module_register(void)
{
    master_pid = getppid();
    if (PyImport_AppendInittab("uwsgi", initialise_uwsgi) < 0)
        return -1;
    return PyImport_AppendInittab("uwsgidecorators", initialise_decorators);
}
