/* SPDX-License-Identifier: MIT
 * Life of the request-bound callables, and the smallest of them. Runs on app threads with the GIL. */
#include "wsgi_callable.h"

#include <stddef.h>
#include <string.h>

#include "wsgi_response.h"
#include "wsgi_start_response.h"

static struct wsgi_callable *as_callable(PyObject *object)
{
    return (struct wsgi_callable *)(void *)object;
}

static void callable_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_Free(object);
    Py_DECREF(type);
}

/* clutch.client_disconnected() -> bool. One system call, only while nobody is writing. */
static PyObject *client_disconnected(PyObject *object, PyObject *const *Py_UNUSED(arguments), size_t count,
                                     PyObject *keywords)
{
    struct wsgi_response *response = as_callable(object)->response;

    if (PyVectorcall_NARGS(count) != 0 || (keywords != NULL && PyTuple_GET_SIZE(keywords) != 0))
        return PyErr_Format(PyExc_TypeError, "clutch.client_disconnected() takes no arguments");
    if (response == NULL)
        return PyErr_Format(PyExc_RuntimeError, "clutch.client_disconnected() was called after its request had ended");
    return PyBool_FromLong(!wsgi_response_is_taken(response) && exchange_is_client_gone(response->exchange));
}

static PyMemberDef callable_members[] = {
    {"__vectorcalloffset__", Py_T_PYSSIZET, offsetof(struct wsgi_callable, vectorcall), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot callable_slots[] = {
    {Py_tp_dealloc, PYTHON_SLOT(callable_dealloc)},
    {Py_tp_call, PYTHON_SLOT(PyVectorcall_Call)},
    {Py_tp_members, PYTHON_SLOT(callable_members)},
    {0, NULL},
};

static const struct {
    const char *type_name;
    vectorcallfunc vectorcall;
} KINDS[WSGI_CALLABLE_COUNT] = {
    [WSGI_START_RESPONSE] = {"clutch.start_response", wsgi_start_response_call},
    [WSGI_WRITE] = {"clutch.write", wsgi_write_call},
    [WSGI_CLIENT_DISCONNECTED] = {"clutch.client_disconnected", client_disconnected},
};

static PyTypeObject *new_type(const char *name)
{
    PyType_Spec spec = {
        .name = name,
        .basicsize = sizeof(struct wsgi_callable),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION |
                 Py_TPFLAGS_IMMUTABLETYPE,
        .slots = callable_slots,
    };

    return python_type_new(&spec, false);
}

int wsgi_callables_init(struct wsgi_callables *callables, struct wsgi_response *response, const struct names *names)
{
    memset(callables, 0, sizeof(*callables));
    callables->response = response;
    callables->names = names;
    for (int kind = 0; kind < WSGI_CALLABLE_COUNT; kind++) {
        callables->types[kind] = new_type(KINDS[kind].type_name);
        if (callables->types[kind] == NULL)
            return -1;
    }
    return 0;
}

static void cut_off(PyObject *object)
{
    as_callable(object)->response = NULL;
    as_callable(object)->callables = NULL;
}

void wsgi_callables_fini(struct wsgi_callables *callables)
{
    for (int kind = 0; kind < WSGI_CALLABLE_COUNT; kind++) {
        if (callables->objects[kind] != NULL)
            cut_off(callables->objects[kind]);
        Py_CLEAR(callables->objects[kind]);
        Py_CLEAR(callables->types[kind]);
    }
}

PyObject *wsgi_callables_get(struct wsgi_callables *callables, enum wsgi_callable_kind kind)
{
    struct wsgi_callable *callable;

    if (LIKELY(callables->objects[kind] != NULL))
        return callables->objects[kind];
    callable = PyObject_New(struct wsgi_callable, callables->types[kind]);
    if (callable == NULL)
        return NULL;
    callable->vectorcall = KINDS[kind].vectorcall;
    callable->response = callables->response;
    callable->callables = callables;
    callables->objects[kind] = (PyObject *)callable;
    return callables->objects[kind];
}

bool wsgi_callables_end(struct wsgi_callables *callables, enum wsgi_callable_kind kind, Py_ssize_t own_references)
{
    PyObject *object = callables->objects[kind];

    if (object == NULL || LIKELY(Py_REFCNT(object) <= own_references))
        return false;
    cut_off(object);
    Py_CLEAR(callables->objects[kind]);
    return true;
}
