/* SPDX-License-Identifier: MIT
 * What counters, gauges and histograms do. Runs wherever the application does, with the GIL: it makes one change to a
 * cell follow the other within a process, atomic instructions do so between them. */
#include "clutch_metric.h"

#include <time.h>

#include "clock.h"
#include "clutch_metric_guard.h"
#include "clutch_metrics.h"

/* Where this process counts. A gauge without a seat has none that is seen. */
static app_metric_cell *cell_of(const struct clutch_metric *metric)
{
    static app_metric_cell unseen;
    const struct app_metrics *arena = clutch_metrics_used_arena();

    if (metric->kind != APP_METRIC_GAUGE || metric->mode == APP_METRIC_LAST)
        return &metric->cells[0];
    return arena != NULL && arena->seat >= 0 ? &metric->cells[arena->seat] : &unseen;
}

void clutch_metric_add(struct clutch_metric *metric, double amount)
{
    app_metric_add(cell_of(metric), amount);
}

void clutch_metric_set(struct clutch_metric *metric, double value)
{
    app_metric_set(cell_of(metric), value);
}

void clutch_metric_observe(struct clutch_metric *metric, double value)
{
    size_t bucket = 0;

    while (bucket < metric->bound_count && !(value <= metric->bounds[bucket]))
        bucket++;
    app_metric_count(&metric->cells[1 + bucket]);
    app_metric_add(&metric->cells[0], value);
}

/* --- Arguments --- */

/* What a method may be called with: one number, by place or by name. */
struct number {
    const char *method;
    const char *name;
    bool is_optional; /* 1 then */
};

static const char *kind_name(const struct clutch_metric *metric)
{
    static const char *const names[] = {
        [APP_METRIC_COUNTER] = "counter", [APP_METRIC_GAUGE] = "gauge", [APP_METRIC_HISTOGRAM] = "histogram"};

    return names[metric->kind];
}

/* Returns 0, or -1 with an exception: a family whose labels have no values is no series. */
static int check_series(const struct clutch_metric *metric)
{
    if (metric->cells != NULL)
        return 0;
    PyErr_Format(PyExc_ValueError, "%s metric is missing label values", kind_name(metric));
    return -1;
}

static int read_number(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords,
                       const struct number *number, double *value)
{
    Py_ssize_t named = keywords != NULL ? PyTuple_GET_SIZE(keywords) : 0;

    *value = 1;
    if (check_series(clutch_metric_of(self)) < 0)
        return -1;
    if (count + named == 0 && number->is_optional)
        return 0;
    if (count + named != 1 ||
        (named == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(keywords, 0), number->name) != 0)) {
        PyErr_Format(PyExc_TypeError, "%s() takes one argument, %s", number->method, number->name);
        return -1;
    }
    *value = PyFloat_AsDouble(args[0]);
    return *value == -1.0 && PyErr_Occurred() ? -1 : 0;
}

/* --- Methods --- */

static PyObject *inc(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const struct number number = {"inc", "amount", true};
    double amount;

    if (read_number(self, args, count, keywords, &number, &amount) < 0)
        return NULL;
    if (amount < 0 && clutch_metric_of(self)->kind == APP_METRIC_COUNTER)
        return PyErr_Format(PyExc_ValueError, "Counters can only be incremented by non-negative amounts.");
    clutch_metric_add(clutch_metric_of(self), amount);
    Py_RETURN_NONE;
}

static PyObject *dec(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const struct number number = {"dec", "amount", true};
    double amount;

    if (read_number(self, args, count, keywords, &number, &amount) < 0)
        return NULL;
    clutch_metric_add(clutch_metric_of(self), -amount);
    Py_RETURN_NONE;
}

static PyObject *set(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const struct number number = {"set", "value", false};
    double value;

    if (read_number(self, args, count, keywords, &number, &value) < 0)
        return NULL;
    clutch_metric_set(clutch_metric_of(self), value);
    Py_RETURN_NONE;
}

static PyObject *set_to_current_time(PyObject *self, PyObject *Py_UNUSED(arguments))
{
    if (check_series(clutch_metric_of(self)) < 0)
        return NULL;
    clutch_metric_set(clutch_metric_of(self), (double)clock_wall_us() / 1e6);
    Py_RETURN_NONE;
}

static PyObject *observe(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    static const struct number number = {"observe", "amount", false};
    double amount;

    if (read_number(self, args, count, keywords, &number, &amount) < 0)
        return NULL;
    clutch_metric_observe(clutch_metric_of(self), amount);
    Py_RETURN_NONE;
}

static PyObject *time_block(PyObject *self, PyObject *Py_UNUSED(arguments))
{
    return check_series(clutch_metric_of(self)) == 0 ? clutch_metric_guard(self, CLUTCH_GUARD_TIME, NULL) : NULL;
}

static PyObject *track_inprogress(PyObject *self, PyObject *Py_UNUSED(arguments))
{
    return check_series(clutch_metric_of(self)) == 0 ? clutch_metric_guard(self, CLUTCH_GUARD_PROGRESS, NULL) : NULL;
}

static PyObject *count_exceptions(PyObject *self, PyObject *args)
{
    PyObject *exception = PyExc_Exception;

    if (check_series(clutch_metric_of(self)) < 0 || !PyArg_ParseTuple(args, "|O:count_exceptions", &exception))
        return NULL;
    return clutch_metric_guard(self, CLUTCH_GUARD_EXCEPTIONS, exception);
}

/* --- Types --- */

#define LABELS                                                                                                         \
    {                                                                                                                  \
        "labels", PYTHON_METHOD(clutch_metric_labels), METH_VARARGS | METH_KEYWORDS,                                   \
            "labels($self, /, *values, **by_name)\n--\n\nThe series with these values of the labels, as str. "         \
            "ValueError when "                                                                                         \
            "they are not\nthose of the metric."                                                                       \
    }
#define NUMBER(name, function, doc)                                                                                    \
    {                                                                                                                  \
        name, PYTHON_METHOD(function), METH_FASTCALL | METH_KEYWORDS, doc                                              \
    }
#define TIME                                                                                                           \
    {                                                                                                                  \
        "time", PYTHON_METHOD(time_block), METH_NOARGS,                                                                \
            "time($self)\n--\n\nContext manager and decorator: the seconds that the block takes."                      \
    }

static PyMethodDef counter_methods[] = {
    LABELS,
    NUMBER("inc", inc, "inc($self, amount=1)\n--\n\nCount more. ValueError for less than 0."),
    {"count_exceptions", PYTHON_METHOD(count_exceptions), METH_VARARGS,
     "count_exceptions($self, exception=..., /)\n--\n\nContext manager and decorator: counts the exceptions of the "
     "block."},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef gauge_methods[] = {
    LABELS,
    NUMBER("inc", inc, "inc($self, amount=1)\n--\n\nAdd to what this process has set."),
    NUMBER("dec", dec, "dec($self, amount=1)\n--\n\nTake from what this process has set."),
    NUMBER("set", set, "set($self, value)\n--\n\nSet the value of this process."),
    {"set_to_current_time", PYTHON_METHOD(set_to_current_time), METH_NOARGS,
     "set_to_current_time($self)\n--\n\nSet it to the seconds since 1970."},
    {"track_inprogress", PYTHON_METHOD(track_inprogress), METH_NOARGS,
     "track_inprogress($self)\n--\n\nContext manager and decorator: 1 more while the block runs."},
    TIME,
    {NULL, NULL, 0, NULL},
};

static PyMethodDef histogram_methods[] = {
    LABELS,
    NUMBER("observe", observe, "observe($self, amount)\n--\n\nCount one observation."),
    TIME,
    {NULL, NULL, 0, NULL},
};

static int add_type(PyObject *module, const char *name, PyObject *type)
{
    int result = type != NULL ? PyObject_SetAttrString(module, name, type) : -1;

    Py_XDECREF(type);
    return result;
}

int clutch_metric_add_types(PyObject *module)
{
    if (add_type(module, "Counter",
                 clutch_metric_type("clutch.metrics.Counter",
                                    "Counter(name, documentation, labelnames=(), *, namespace='', subsystem='', "
                                    "unit='')\n--\n\nCounts over all workers; nothing is lost when one of them ends.",
                                    clutch_metric_new_counter, counter_methods)) < 0 ||
        add_type(module, "Gauge",
                 clutch_metric_type("clutch.metrics.Gauge",
                                    "Gauge(name, documentation, labelnames=(), *, namespace='', subsystem='', unit='', "
                                    "multiprocess_mode='sum')\n--\n\nA value that each worker sets; shown is the sum, "
                                    "max or min of the workers that\nlive, or the last that any has set.",
                                    clutch_metric_new_gauge, gauge_methods)) < 0)
        return -1;
    return add_type(module, "Histogram",
                    clutch_metric_type("clutch.metrics.Histogram",
                                       "Histogram(name, documentation, labelnames=(), *, namespace='', subsystem='', "
                                       "unit='', buckets=...)\n--\n\nCounts observations in buckets, over all workers.",
                                       clutch_metric_new_histogram, histogram_methods));
}
