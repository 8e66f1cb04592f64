/* SPDX-License-Identifier: MIT
 * Python.h as every file here includes it (first, as it asks for), and what the supported versions, 3.9 to 3.14, spell
 * differently. */
#ifndef CLUTCH_PYTHON_API_H
#define CLUTCH_PYTHON_API_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if PY_VERSION_HEX < 0x03090000
#error "clutch needs CPython 3.9 or newer"
#endif

#if PY_VERSION_HEX < 0x030C0000
#include <structmember.h>
#define Py_T_PYSSIZET T_PYSSIZET
#define Py_T_OBJECT_EX T_OBJECT_EX
#define Py_READONLY READONLY
#endif

#if PY_VERSION_HEX < 0x030A0000
#define Py_TPFLAGS_DISALLOW_INSTANTIATION 0 /* python_type_new() sees to it */
#define Py_TPFLAGS_IMMUTABLETYPE 0
static inline PyObject *Py_NewRef(PyObject *object)
{
    Py_INCREF(object);
    return object;
}
static inline PyObject *Py_XNewRef(PyObject *object)
{
    Py_XINCREF(object);
    return object;
}
#endif

#include "slice.h"

/* A C function as the entry of a method table or of a type's slots. */
#define PYTHON_METHOD(function) ((PyCFunction)(void (*)(void))(function))
#define PYTHON_SLOT(function) ((void *)(function))

/* Names of arguments for PyArg_ParseTupleAndKeywords(), which does not change them. */
#define PYTHON_KEYWORDS(names) ((char **)(uintptr_t)(names))

/* Makes a heap type. `can_call`: Python code may make instances. New reference, or NULL with an exception. */
static inline PyTypeObject *python_type_new(PyType_Spec *spec, bool can_call)
{
    PyTypeObject *type = (PyTypeObject *)(void *)PyType_FromSpec(spec);

    if (type != NULL && !can_call)
        type->tp_new = NULL;
    return type;
}

/* Looks an attribute up that may be missing. 1 with a new reference in *value, 0 when there is none, -1 with an
 * exception. */
static inline int python_find_attr(PyObject *object, PyObject *name, PyObject **value)
{
#if PY_VERSION_HEX >= 0x030D0000
    return PyObject_GetOptionalAttr(object, name, value);
#else
    return _PyObject_LookupAttr(object, name, value);
#endif
}

/* A view of the bytes of a str whose characters are all below 256. Returns false (no exception) when some are not.
 * Borrowed from the str. */
static inline bool python_latin1_view(PyObject *text, struct slice *view)
{
#if PY_VERSION_HEX < 0x030C0000
    if (PyUnicode_READY(text) < 0) {
        PyErr_Clear();
        return false;
    }
#endif
    if (PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND)
        return false;
    *view = slice_of((const char *)PyUnicode_1BYTE_DATA(text), (size_t)PyUnicode_GET_LENGTH(text));
    return true;
}

static inline struct slice python_bytes_view(PyObject *bytes)
{
    return slice_of(PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
}

#endif
