/* SPDX-License-Identifier: MIT
 * Life of a metric and its series. Runs wherever the application does, with the GIL. */
#include "clutch_metric.h"

#include <errno.h>

#include "clutch_metrics.h"
#include "runtime.h"

/* More series of one metric are not told apart by this process, and take no memory of it. */
enum { MOST_CHILDREN = 16384 };

static void metric_dealloc(PyObject *object)
{
    struct clutch_metric *metric = clutch_metric_of(object);
    PyTypeObject *type = Py_TYPE(object);

    Py_XDECREF(metric->name);
    Py_XDECREF(metric->help);
    Py_XDECREF(metric->label_names);
    Py_XDECREF(metric->children);
    Py_XDECREF(metric->overflow);
    PyMem_Free(metric->bounds);
    PyMem_Free((void *)(uintptr_t)metric->own_cells);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *metric_repr(PyObject *object)
{
    return PyUnicode_FromFormat("<%s %U>", Py_TYPE(object)->tp_name, clutch_metric_of(object)->name);
}

PyObject *clutch_metric_type(const char *name, const char *doc, newfunc construct, PyMethodDef *methods)
{
    PyType_Slot slots[] = {
        {Py_tp_dealloc, PYTHON_SLOT(metric_dealloc)}, {Py_tp_repr, PYTHON_SLOT(metric_repr)},
        {Py_tp_new, PYTHON_SLOT(construct)},          {Py_tp_methods, methods},
        {Py_tp_doc, (void *)(uintptr_t)doc},          {0, NULL},
    };
    PyType_Spec spec = {.name = name,
                        .basicsize = sizeof(struct clutch_metric),
                        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
                        .slots = slots};

    return (PyObject *)python_type_new(&spec, true);
}

/* --- Series --- */

static int use_own_cells(struct clutch_metric *metric, const struct app_metrics *arena)
{
    size_t count = app_metrics_cell_count(arena, metric->kind, metric->mode, metric->bound_count);

    metric->own_cells = PyMem_Calloc(count, sizeof(metric->own_cells[0]));
    metric->cells = metric->own_cells;
    if (metric->cells != NULL)
        return 0;
    PyErr_NoMemory();
    return -1;
}

/* Encodes the values; whatever has no encoding is escaped. `bytes` are owned by the caller, NULL behind the last. */
static int encode_all(PyObject *values, PyObject **bytes, struct slice *slices)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(values); i++) {
        bytes[i] = PyUnicode_AsEncodedString(PyTuple_GET_ITEM(values, i), "utf-8", "backslashreplace");
        if (bytes[i] == NULL)
            return -1;
        slices[i] = python_bytes_view(bytes[i]);
    }
    return 0;
}

static int find_cells(struct clutch_metric *metric, struct app_metrics *arena, const struct slice *slices, size_t count)
{
    PyThreadState *state;
    size_t cell_count;
    int result = -ENOSPC;

    if (metric->has_family) {
        state = runtime_leave(); /* another process may have to be waited for */
        result = app_metrics_series(arena, metric->family, slices, count, &metric->cells, &cell_count);
        runtime_enter(state);
    }
    if (result == 0)
        return 0;
    clutch_metrics_note_dropped(PyUnicode_AsUTF8(metric->name));
    return use_own_cells(metric, arena);
}

int clutch_metric_open_series(struct clutch_metric *metric, PyObject *values)
{
    struct app_metrics *arena = clutch_metrics_arena();
    PyObject *bytes[APP_METRIC_LABELS] = {NULL};
    struct slice slices[APP_METRIC_LABELS];
    int result = arena != NULL ? encode_all(values, bytes, slices) : -1;

    if (result == 0)
        result = find_cells(metric, arena, slices, (size_t)PyTuple_GET_SIZE(values));
    for (size_t i = 0; i < APP_METRIC_LABELS; i++)
        Py_XDECREF(bytes[i]);
    return result;
}

/* --- Labels --- */

/* A series without cells. New reference or NULL. */
static PyObject *copy_family(struct clutch_metric *family)
{
    PyTypeObject *type = Py_TYPE(&family->ob_base);
    struct clutch_metric *series = clutch_metric_of(type->tp_alloc(type, 0));

    if (series == NULL)
        return NULL;
    series->kind = family->kind;
    series->mode = family->mode;
    series->has_family = family->has_family;
    series->family = family->family;
    series->name = Py_NewRef(family->name);
    series->help = Py_NewRef(family->help);
    series->label_names = Py_NewRef(family->label_names);
    series->bound_count = family->bound_count;
    series->bounds = PyMem_New(double, family->bound_count + 1);
    if (series->bounds == NULL) {
        Py_DECREF(series);
        return PyErr_NoMemory();
    }
    if (family->bound_count > 0)
        memcpy(series->bounds, family->bounds, family->bound_count * sizeof(series->bounds[0]));
    return &series->ob_base;
}

/* The one for all that find no room. Borrowed, or NULL with an exception. */
static PyObject *get_overflow(struct clutch_metric *family)
{
    struct app_metrics *arena = clutch_metrics_arena();

    if (family->overflow == NULL && arena != NULL) {
        PyObject *series = copy_family(family);

        if (series != NULL && use_own_cells(clutch_metric_of(series), arena) < 0)
            Py_CLEAR(series);
        family->overflow = series;
    }
    return family->overflow;
}

/* New reference, or NULL with an exception. */
static PyObject *make_child(struct clutch_metric *family, PyObject *values)
{
    PyObject *series = NULL, *kept;

    if (PyDict_GET_SIZE(family->children) < MOST_CHILDREN) {
        series = copy_family(family);
        if (series == NULL || clutch_metric_open_series(clutch_metric_of(series), values) < 0) {
            Py_XDECREF(series);
            return NULL;
        }
    }
    if (series == NULL || clutch_metric_of(series)->own_cells != NULL)
        Py_XSETREF(series, Py_XNewRef(get_overflow(family)));
    if (series == NULL || PyDict_GET_SIZE(family->children) >= MOST_CHILDREN)
        return series;
    /* Another thread may have been faster. */
    kept = Py_XNewRef(PyDict_SetDefault(family->children, values, series));
    Py_DECREF(series);
    return kept;
}

/* The values as exact str; a new tuple, or NULL with an exception. */
static PyObject *convert_values(PyObject *args)
{
    PyObject *values = PyTuple_New(PyTuple_GET_SIZE(args));

    for (Py_ssize_t i = 0; values != NULL && i < PyTuple_GET_SIZE(args); i++) {
        PyObject *text = PyObject_Str(PyTuple_GET_ITEM(args, i)), *exact = NULL;

        if (text != NULL)
            exact = PyUnicode_CheckExact(text) ? Py_NewRef(text) : PyUnicode_FromObject(text);
        Py_XDECREF(text);
        if (exact == NULL)
            Py_CLEAR(values);
        else
            PyTuple_SET_ITEM(values, i, exact);
    }
    return values;
}

/* The values of keywords in the order of the names; a new tuple, or NULL with an exception. */
static PyObject *order_values(const struct clutch_metric *family, PyObject *keywords)
{
    Py_ssize_t count = PyTuple_GET_SIZE(family->label_names);
    PyObject *values = PyDict_GET_SIZE(keywords) == count ? PyTuple_New(count) : NULL;

    if (values == NULL && !PyErr_Occurred())
        return PyErr_Format(PyExc_ValueError, "Incorrect label names");
    for (Py_ssize_t i = 0; values != NULL && i < count; i++) {
        PyObject *value = PyDict_GetItemWithError(keywords, PyTuple_GET_ITEM(family->label_names, i));

        if (value == NULL) {
            Py_CLEAR(values);
            return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_ValueError, "Incorrect label names");
        }
        PyTuple_SET_ITEM(values, i, Py_NewRef(value));
    }
    return values;
}

static bool are_exact(PyObject *args)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); i++) {
        if (!PyUnicode_CheckExact(PyTuple_GET_ITEM(args, i)))
            return false;
    }
    return true;
}

/* Errors as prometheus_client has them. */
static int check_call(struct clutch_metric *family, PyObject *args, Py_ssize_t named)
{
    if (family->children == NULL && PyTuple_GET_SIZE(family->label_names) == 0)
        PyErr_Format(PyExc_ValueError, "No label names were set when constructing %R", &family->ob_base);
    else if (family->children == NULL)
        PyErr_Format(PyExc_ValueError, "%R already has its label values set; can not chain calls to .labels()",
                     &family->ob_base);
    else if (named > 0 && PyTuple_GET_SIZE(args) > 0)
        PyErr_SetString(PyExc_ValueError, "Can't pass both *args and **kwargs");
    else if (named == 0 && PyTuple_GET_SIZE(args) != PyTuple_GET_SIZE(family->label_names))
        PyErr_SetString(PyExc_ValueError, "Incorrect label count");
    else
        return 0;
    return -1;
}

PyObject *clutch_metric_labels(PyObject *self, PyObject *args, PyObject *keywords)
{
    struct clutch_metric *family = clutch_metric_of(self);
    Py_ssize_t named = keywords != NULL ? PyDict_GET_SIZE(keywords) : 0;
    PyObject *given, *values, *child;

    if (check_call(family, args, named) < 0)
        return NULL;
    given = named > 0 ? order_values(family, keywords) : Py_NewRef(args);
    if (given == NULL)
        return NULL;
    values = are_exact(given) ? Py_NewRef(given) : convert_values(given);
    Py_DECREF(given);
    if (values == NULL)
        return NULL;
    child = Py_XNewRef(PyDict_GetItemWithError(family->children, values));
    if (child == NULL && !PyErr_Occurred())
        child = make_child(family, values);
    Py_DECREF(values);
    return child;
}
