/* SPDX-License-Identifier: MIT
 * What an application is told of a wrong field. Runs with the GIL. */
#include "wsgi_header.h"

void wsgi_header_raise(enum head_error error, PyObject *entry)
{
    PyObject *name = PyTuple_GET_ITEM(entry, 0), *value = PyTuple_GET_ITEM(entry, 1);

    switch (error) {
    case HEAD_NO_MEMORY:
        PyErr_NoMemory();
        break;
    case HEAD_BAD_NAME:
        PyErr_Format(PyExc_ValueError, "response header name %R is not a token (RFC 9110 5.6.2)", name);
        break;
    case HEAD_HOP_BY_HOP:
        PyErr_Format(PyExc_ValueError, "response header %R is the server's to set (PEP 3333: hop-by-hop)", name);
        break;
    case HEAD_BAD_LENGTH:
        PyErr_Format(PyExc_ValueError, "response header %R: %R is not a length, or contradicts an earlier one", name,
                     value);
        break;
    default:
        PyErr_Format(PyExc_ValueError, "response header %R: its value %R has a control character", name, value);
    }
}

void wsgi_header_raise_entry(PyObject *entry)
{
    struct slice unused;

    if (!PyTuple_Check(entry) || PyTuple_GET_SIZE(entry) != 2) {
        PyErr_Format(PyExc_TypeError, "each response header must be a tuple (name, value), not %R", entry);
        return;
    }
    for (Py_ssize_t i = 0; i < 2; i++) {
        const char *part = i == 0 ? "name" : "value";
        PyObject *text = PyTuple_GET_ITEM(entry, i), *name = PyTuple_GET_ITEM(entry, 0);

        if (!PyUnicode_Check(text)) {
            PyErr_Format(PyExc_TypeError, "response header %R: its %s must be a str, not %.100s", name, part,
                         Py_TYPE(text)->tp_name);
            return;
        }
        if (!python_latin1_view(text, &unused)) {
            PyErr_Format(PyExc_ValueError, "response header %R: its %s has a character outside Latin-1", name, part);
            return;
        }
    }
}
