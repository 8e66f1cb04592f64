/* SPDX-License-Identifier: MIT
 * A metric as Python sees it: a family with labels, whose series are made by labels(), or one series. All of it
 * requires the GIL. */
#ifndef CLUTCH_CLUTCH_METRIC_H
#define CLUTCH_CLUTCH_METRIC_H

#include "python_api.h"

#include <stdbool.h>

#include "app_metrics.h"
#include "attrs.h"

struct clutch_metric {
    PyObject ob_base; /* PyObject_HEAD, as a declaration */
    enum app_metric_kind kind;
    enum app_metric_mode mode;
    bool has_family; /* `family` is in the arena */
    uint32_t family;
    PyObject *name;        /* owned str: as shown, without _total */
    PyObject *help;        /* owned str */
    PyObject *label_names; /* owned tuple of str */
    PyObject *children;    /* owned dict, tuple of str -> series; NULL in a series */
    PyObject *overflow;    /* owned series for those that found no room; NULL: none did */
    double *bounds;        /* owned, of PyMem */
    size_t bound_count;
    app_metric_cell *cells;     /* of a series; borrowed from the arena, or own_cells */
    app_metric_cell *own_cells; /* owned, of PyMem: this process's alone, because there was no room; or NULL */
};

static inline struct clutch_metric *clutch_metric_of(PyObject *object)
{
    return (struct clutch_metric *)(void *)object;
}

/* Makes a type: its name, what it says of itself, and its methods; all static. New reference or NULL. */
PyObject *clutch_metric_type(const char *name, const char *doc, newfunc construct, PyMethodDef *methods) MUST_CHECK;

/* Makes the series of a family, or of itself, with these values: exact str in a tuple. `metric` becomes that series.
 * Never fails for want of room: then the cells are this process's own. Returns 0, or -1 with an exception. */
int clutch_metric_open_series(struct clutch_metric *metric, PyObject *values) MUST_CHECK;

/* labels(*values, **by_name). */
PyObject *clutch_metric_labels(PyObject *self, PyObject *args, PyObject *keywords);

/* The constructors: (name, documentation, labelnames=(), *, namespace, subsystem, unit, ...). */
PyObject *clutch_metric_new_counter(PyTypeObject *, PyObject *args, PyObject *keywords);
PyObject *clutch_metric_new_gauge(PyTypeObject *, PyObject *args, PyObject *keywords);
PyObject *clutch_metric_new_histogram(PyTypeObject *, PyObject *args, PyObject *keywords);
void clutch_metric_forget_names(void);

/* The three types with their methods, added to the module. Returns 0, or -1 with an exception. */
int clutch_metric_add_types(PyObject *module) MUST_CHECK;

/* What time() observes or sets, in seconds; what an exception or a block in progress adds. */
void clutch_metric_observe(struct clutch_metric *, double value);
void clutch_metric_set(struct clutch_metric *, double value);
void clutch_metric_add(struct clutch_metric *, double amount);

#endif
