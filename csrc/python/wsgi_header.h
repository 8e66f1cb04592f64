/* SPDX-License-Identifier: MIT
 * One response field as an application gives it: a tuple (name, value) of str. All of it requires the GIL. */
#ifndef CLUTCH_WSGI_HEADER_H
#define CLUTCH_WSGI_HEADER_H

#include "python_api.h"

#include <stdbool.h>

#include "attrs.h"
#include "exchange.h"

/* Raises what is wrong with an entry that is no pair of Latin-1 str, or with a pair that the protocol has refused. */
void wsgi_header_raise_entry(PyObject *entry);
void wsgi_header_raise(enum head_error, PyObject *entry);

/* Views of an entry's name and value, borrowed from it. Returns false with an exception when it is no such pair. */
static inline bool wsgi_header_read(PyObject *entry, struct slice *name, struct slice *value)
{
    if (LIKELY(PyTuple_Check(entry) && PyTuple_GET_SIZE(entry) == 2 && PyUnicode_Check(PyTuple_GET_ITEM(entry, 0)) &&
               PyUnicode_Check(PyTuple_GET_ITEM(entry, 1)) && python_latin1_view(PyTuple_GET_ITEM(entry, 0), name) &&
               python_latin1_view(PyTuple_GET_ITEM(entry, 1), value)))
        return true;
    wsgi_header_raise_entry(entry);
    return false;
}

#endif
