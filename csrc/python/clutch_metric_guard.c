/* SPDX-License-Identifier: MIT
 * Runs wherever the application does, with the GIL. */
#include "clutch_metric_guard.h"

#include "clock.h"
#include "clutch_metric.h"

struct guard {
    PyObject ob_base; /* PyObject_HEAD, as a declaration */
    enum clutch_guard_what what;
    int64_t begun_us;
    PyObject *metric;    /* owned */
    PyObject *exception; /* owned; NULL: none */
};

static PyTypeObject *guard_type;
static PyObject *decorate; /* of the snippet below */

/* Each call is a block of its own: it may be called again before it has returned. */
static const char DECORATOR[] = "import functools\n"
                                "def decorate(make, function):\n"
                                "    @functools.wraps(function)\n"
                                "    def watched(*args, **keywords):\n"
                                "        with make():\n"
                                "            return function(*args, **keywords)\n"
                                "    return watched\n";

static struct guard *guard_of(PyObject *object)
{
    return (struct guard *)(void *)object;
}

static void guard_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    Py_XDECREF(guard_of(object)->metric);
    Py_XDECREF(guard_of(object)->exception);
    type->tp_free(object);
    Py_DECREF(type);
}

PyObject *clutch_metric_guard(PyObject *metric, enum clutch_guard_what what, PyObject *exception)
{
    struct guard *guard = guard_of(guard_type->tp_alloc(guard_type, 0));

    if (guard == NULL)
        return NULL;
    guard->what = what;
    guard->metric = Py_NewRef(metric);
    guard->exception = Py_XNewRef(exception);
    return &guard->ob_base;
}

static PyObject *enter(PyObject *self, PyObject *Py_UNUSED(arguments))
{
    struct guard *guard = guard_of(self);

    guard->begun_us = clock_now_us();
    if (guard->what == CLUTCH_GUARD_PROGRESS)
        clutch_metric_add(clutch_metric_of(guard->metric), 1);
    return Py_NewRef(self);
}

static PyObject *leave(PyObject *self, PyObject *args)
{
    struct guard *guard = guard_of(self);
    struct clutch_metric *metric = clutch_metric_of(guard->metric);
    double seconds = (double)(clock_now_us() - guard->begun_us) / 1e6;
    PyObject *type, *value, *traceback;

    if (!PyArg_UnpackTuple(args, "__exit__", 3, 3, &type, &value, &traceback))
        return NULL;
    if (guard->what == CLUTCH_GUARD_PROGRESS) {
        clutch_metric_add(metric, -1);
    } else if (guard->what == CLUTCH_GUARD_EXCEPTIONS) {
        int is_counted = type != Py_None ? PyObject_IsSubclass(type, guard->exception) : 0;

        if (is_counted < 0)
            return NULL;
        clutch_metric_add(metric, is_counted);
    } else if (metric->kind == APP_METRIC_HISTOGRAM) {
        clutch_metric_observe(metric, seconds);
    } else {
        clutch_metric_set(metric, seconds);
    }
    Py_RETURN_FALSE;
}

static PyObject *make_again(PyObject *self, PyObject *Py_UNUSED(arguments))
{
    const struct guard *guard = guard_of(self);

    return clutch_metric_guard(guard->metric, guard->what, guard->exception);
}

static PyObject *call(PyObject *self, PyObject *args, PyObject *keywords)
{
    PyObject *function, *make, *result = NULL;

    if (keywords != NULL && PyDict_GET_SIZE(keywords) > 0)
        return PyErr_Format(PyExc_TypeError, "a decorator takes a function, no keywords");
    if (!PyArg_UnpackTuple(args, "decorator", 1, 1, &function))
        return NULL;
    make = PyObject_GetAttrString(self, "_again");
    if (make != NULL)
        result = PyObject_CallFunctionObjArgs(decorate, make, function, NULL);
    Py_XDECREF(make);
    return result;
}

static PyMethodDef methods[] = {
    {"__enter__", PYTHON_METHOD(enter), METH_NOARGS, NULL},
    {"__exit__", PYTHON_METHOD(leave), METH_VARARGS, NULL},
    {"_again", PYTHON_METHOD(make_again), METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, PYTHON_SLOT(guard_dealloc)},
    {Py_tp_call, PYTHON_SLOT(call)},
    {Py_tp_methods, methods},
    {0, NULL},
};

static int compile_decorator(void)
{
    PyObject *names = PyDict_New(), *result = NULL;

    if (names != NULL && PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins()) == 0)
        result = PyRun_String(DECORATOR, Py_file_input, names, names);
    if (result != NULL)
        decorate = Py_XNewRef(PyDict_GetItemString(names, "decorate"));
    Py_XDECREF(result);
    Py_XDECREF(names);
    return decorate != NULL ? 0 : -1;
}

int clutch_metric_guard_init(void)
{
    PyType_Spec spec = {.name = "clutch.metrics.Block",
                        .basicsize = sizeof(struct guard),
                        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
                        .slots = slots};

    if (guard_type == NULL)
        guard_type = python_type_new(&spec, false);
    return guard_type != NULL && (decorate != NULL || compile_decorator() == 0) ? 0 : -1;
}
