/* SPDX-License-Identifier: MIT
 * The module `clutch`: who this process is, and what the other files add to it. Its functions run wherever the
 * application runs, with the GIL. */
#include "clutch_module.h"

#include "clutch_hooks.h"
#include "clutch_metrics.h"
#include "clutch_request.h"
#include "python_gateway_priv.h"

static struct gateway *own_gateway; /* set before the interpreter starts */

struct gateway *clutch_module_gateway(void)
{
    return own_gateway;
}

static PyObject *worker_id(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(arguments))
{
    return PyLong_FromLong(own_gateway->place.worker);
}

static PyObject *is_worker(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(arguments))
{
    return PyBool_FromLong(own_gateway->place.worker > 0);
}

static PyObject *generation(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(arguments))
{
    return PyLong_FromUnsignedLongLong(own_gateway->place.generation);
}

static PyObject *worker_count(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(arguments))
{
    return PyLong_FromLong(atomic_load(own_gateway->place.worker_count));
}

static PyObject *thread_count(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(arguments))
{
    return PyLong_FromLong(own_gateway->place.thread_count);
}

static PyMethodDef functions[] = {
    {"worker_id", PYTHON_METHOD(worker_id), METH_NOARGS,
     "worker_id()\n--\n\nThe number of this worker, from 1 to worker_count(); 0 where --preload loads\nthe "
     "application. A "
     "worker that replaces another one has its number."},
    {"is_worker", PYTHON_METHOD(is_worker), METH_NOARGS,
     "is_worker()\n--\n\nWhether this process serves requests: False where --preload loads the\napplication."},
    {"generation", PYTHON_METHOD(generation), METH_NOARGS,
     "generation()\n--\n\nThe number of the set of workers that this one belongs to: 1 at the start of\nthe server, "
     "one "
     "more for each reload."},
    {"worker_count", PYTHON_METHOD(worker_count), METH_NOARGS,
     "worker_count()\n--\n\nHow many workers the server is to have now: --workers, and what SIGTTIN and\nSIGTTOU have "
     "made of it."},
    {"thread_count", PYTHON_METHOD(thread_count), METH_NOARGS,
     "thread_count()\n--\n\nHow many requests each worker runs at once (--threads)."},
    {NULL, NULL, 0, NULL},
};

/* What it gives out belongs to the main interpreter. */
static int check_interpreter(void)
{
    if (PyInterpreterState_Get() == PyInterpreterState_Main())
        return 0;
    PyErr_SetString(PyExc_ImportError, "the module clutch cannot be imported in a subinterpreter");
    return -1;
}

static int execute(PyObject *module)
{
    if (check_interpreter() < 0 || PyModule_AddStringConstant(module, "version", CLUTCH_VERSION_STRING) < 0 ||
        PyModule_AddStringConstant(module, "__version__", CLUTCH_VERSION_STRING) < 0)
        return -1;
    if (clutch_hooks_add(module) < 0 || clutch_request_add(module) < 0)
        return -1;
    return clutch_metrics_add(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, PYTHON_SLOT(execute)},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,  .m_name = "clutch", .m_doc = "The server that runs this application, from the inside.",
    .m_methods = functions, .m_slots = slots,
};

static PyObject *initialise(void)
{
    return PyModuleDef_Init(&definition);
}

int clutch_module_register(struct gateway *gateway)
{
    own_gateway = gateway;
    return PyImport_AppendInittab("clutch", initialise);
}

PyObject *clutch_module_get(const char *name)
{
    PyObject *module = PyImport_ImportModule("clutch");
    PyObject *value = module != NULL ? PyObject_GetAttrString(module, name) : NULL;

    Py_XDECREF(module);
    return value;
}

void clutch_module_fini(void)
{
    clutch_hooks_fini();
    clutch_metrics_fini();
}
