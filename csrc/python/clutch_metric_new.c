/* SPDX-License-Identifier: MIT
 * Constructors of metrics: names, labels, bounds and modes, checked as prometheus_client checks them. Run wherever the
 * application does, with the GIL. */
#include <errno.h>
#include <math.h>

#include "clutch_metric.h"
#include "clutch_metrics.h"
#include "runtime.h"

/* What constructors have in common; borrowed. */
struct arguments {
    PyObject *name, *help, *label_names;
    const char *namespace, *subsystem, *unit;
};

static PyObject *known_names; /* owned set: those of this process; NULL: none yet */

void clutch_metric_forget_names(void)
{
    Py_CLEAR(known_names);
}

/* --- Names --- */

/* Whether `text` ends in '_' and `word`. */
static bool ends_in(PyObject *text, const char *word)
{
    Py_ssize_t size;
    const char *bytes = PyUnicode_AsUTF8AndSize(text, &size);
    size_t len = strlen(word);

    return bytes != NULL && (size_t)size > len && bytes[(size_t)size - len - 1] == '_' &&
           memcmp(bytes + (size_t)size - len, word, len) == 0;
}

/* As prometheus_client builds it. New reference or NULL. */
static PyObject *full_name(const struct arguments *given, enum app_metric_kind kind)
{
    PyObject *name = PyUnicode_FromFormat("%s%s%s%s%U", given->namespace, given->namespace[0] != '\0' ? "_" : "",
                                          given->subsystem, given->subsystem[0] != '\0' ? "_" : "", given->name);

    if (name != NULL && kind == APP_METRIC_COUNTER && ends_in(name, "total"))
        Py_SETREF(name, PyUnicode_Substring(name, 0, PyUnicode_GET_LENGTH(name) - 6));
    if (name != NULL && given->unit[0] != '\0' && !ends_in(name, given->unit))
        Py_SETREF(name, PyUnicode_FromFormat("%U_%s", name, given->unit));
    return name;
}

/* Names are ASCII: anything else fails the check. Borrowed from the str. */
static struct slice view(PyObject *text)
{
    Py_ssize_t size;
    const char *bytes = PyUnicode_Check(text) ? PyUnicode_AsUTF8AndSize(text, &size) : NULL;

    PyErr_Clear();
    return bytes != NULL ? slice_of(bytes, (size_t)size) : slice_of("", 0);
}

static int claim_name(PyObject *name)
{
    int is_known;

    if (known_names == NULL)
        known_names = PySet_New(NULL);
    is_known = known_names != NULL ? PySet_Contains(known_names, name) : -1;
    if (is_known > 0)
        PyErr_Format(PyExc_ValueError, "Duplicated timeseries in this process: %U", name);
    return is_known == 0 ? PySet_Add(known_names, name) : -1;
}

static int check_name(PyObject *name)
{
    struct slice text = view(name);

    if (app_metrics_is_name(text))
        return 0;
    if (text.len >= 7 && memcmp(text.ptr, "clutch_", 7) == 0)
        PyErr_Format(PyExc_ValueError, "Reserved metric name: %R: clutch_ is for the server's own", name);
    else
        PyErr_Format(PyExc_ValueError, "Invalid metric name: %R", name);
    return -1;
}

static int check_label(const struct clutch_metric *metric, Py_ssize_t index)
{
    PyObject *label = PyTuple_GET_ITEM(metric->label_names, index);
    struct slice text = view(label);

    if ((text.len >= 2 && memcmp(text.ptr, "__", 2) == 0) ||
        (metric->kind == APP_METRIC_HISTOGRAM && slice_equal(text, SLICE("le")))) {
        PyErr_Format(PyExc_ValueError, "Reserved label metric name: %R", label);
        return -1;
    }
    if (!app_metrics_is_label(text)) {
        PyErr_Format(PyExc_ValueError, "Invalid label metric name: %R", label);
        return -1;
    }
    for (Py_ssize_t i = 0; i < index; i++) {
        if (slice_equal(view(PyTuple_GET_ITEM(metric->label_names, i)), text)) {
            PyErr_Format(PyExc_ValueError, "Duplicated label metric name: %R", label);
            return -1;
        }
    }
    return 0;
}

static int check_labels(const struct clutch_metric *metric)
{
    Py_ssize_t count = PyTuple_GET_SIZE(metric->label_names);

    if (count > APP_METRIC_LABELS) {
        PyErr_Format(PyExc_ValueError, "a metric can have %d labels, not %zd", APP_METRIC_LABELS, count);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (check_label(metric, i) < 0)
            return -1;
    }
    return 0;
}

/* --- Families --- */

static int register_family(struct clutch_metric *metric)
{
    struct app_metrics *arena = clutch_metrics_arena();
    PyObject *help = PyUnicode_AsEncodedString(metric->help, "utf-8", "backslashreplace");
    struct slice labels[APP_METRIC_LABELS];
    struct app_metric_family family = {.kind = metric->kind, .mode = metric->mode, .bounds = metric->bounds};
    PyThreadState *state;

    if (arena == NULL || help == NULL) {
        Py_XDECREF(help);
        return -1;
    }
    family.name = view(metric->name);
    family.help = python_bytes_view(help);
    family.label_names = labels;
    family.label_count = (size_t)PyTuple_GET_SIZE(metric->label_names);
    family.bound_count = metric->bound_count;
    for (size_t i = 0; i < family.label_count; i++)
        labels[i] = view(PyTuple_GET_ITEM(metric->label_names, (Py_ssize_t)i));
    state = runtime_leave();
    metric->has_family = app_metrics_family(arena, &family, &metric->family) == 0;
    runtime_enter(state);
    Py_DECREF(help);
    return 0;
}

/* A metric that has all but its place in the arena gets it. */
static int finish(struct clutch_metric *metric)
{
    if (check_name(metric->name) < 0 || check_labels(metric) < 0 || claim_name(metric->name) < 0 ||
        register_family(metric) < 0)
        return -1;
    if (PyTuple_GET_SIZE(metric->label_names) == 0)
        return clutch_metric_open_series(metric, metric->label_names);
    metric->children = PyDict_New();
    return metric->children != NULL ? 0 : -1;
}

/* A tuple of label names; one str would be taken for its letters. New reference or NULL. */
static PyObject *read_labels(PyObject *names)
{
    if (names == NULL)
        return PyTuple_New(0);
    if (PyUnicode_Check(names))
        return PyErr_Format(PyExc_TypeError, "labelnames must be a sequence of names, not the str %R", names);
    return PySequence_Tuple(names);
}

/* New reference, not finished; NULL with an exception. */
static struct clutch_metric *begin(PyTypeObject *type, enum app_metric_kind kind, const struct arguments *given)
{
    struct clutch_metric *metric = clutch_metric_of(type->tp_alloc(type, 0));

    if (metric == NULL)
        return NULL;
    metric->kind = kind;
    metric->help = Py_NewRef(given->help);
    metric->name = full_name(given, kind);
    metric->label_names = metric->name != NULL ? read_labels(given->label_names) : NULL;
    if (metric->label_names != NULL)
        return metric;
    Py_DECREF(metric);
    return NULL;
}

static PyObject *end(struct clutch_metric *metric, int result)
{
    if (result == 0 && finish(metric) == 0)
        return &metric->ob_base;
    Py_DECREF(metric);
    return NULL;
}

PyObject *clutch_metric_new_counter(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {"name", "documentation", "labelnames", "namespace", "subsystem", "unit", NULL};
    struct arguments given = {.namespace = "", .subsystem = "", .unit = ""};
    struct clutch_metric *metric = NULL;

    if (PyArg_ParseTupleAndKeywords(args, keywords, "UU|O$sss:Counter", PYTHON_KEYWORDS(names), &given.name,
                                    &given.help, &given.label_names, &given.namespace, &given.subsystem, &given.unit))
        metric = begin(type, APP_METRIC_COUNTER, &given);
    return metric != NULL ? end(metric, 0) : NULL;
}

/* --- Gauges --- */

static int read_mode(const char *text, enum app_metric_mode *mode)
{
    static const struct {
        const char *name;
        enum app_metric_mode mode;
    } modes[] = {
        {"sum", APP_METRIC_SUM},     {"livesum", APP_METRIC_SUM},     {"max", APP_METRIC_MAX},
        {"livemax", APP_METRIC_MAX}, {"min", APP_METRIC_MIN},         {"livemin", APP_METRIC_MIN},
        {"last", APP_METRIC_LAST},   {"mostrecent", APP_METRIC_LAST},
    };

    for (size_t i = 0; i < ARRAY_COUNT(modes); i++) {
        if (strcmp(text, modes[i].name) == 0) {
            *mode = modes[i].mode;
            return 0;
        }
    }
    PyErr_Format(PyExc_ValueError, "Invalid multiprocess mode: '%s'; expected sum, max, min or last", text);
    return -1;
}

PyObject *clutch_metric_new_gauge(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {"name",      "documentation", "labelnames",        "namespace",
                                        "subsystem", "unit",          "multiprocess_mode", NULL};
    struct arguments given = {.namespace = "", .subsystem = "", .unit = ""};
    const char *mode = "sum";
    struct clutch_metric *metric = NULL;

    if (PyArg_ParseTupleAndKeywords(args, keywords, "UU|O$ssss:Gauge", PYTHON_KEYWORDS(names), &given.name, &given.help,
                                    &given.label_names, &given.namespace, &given.subsystem, &given.unit, &mode))
        metric = begin(type, APP_METRIC_GAUGE, &given);
    return metric != NULL ? end(metric, read_mode(mode, &metric->mode)) : NULL;
}

/* --- Histograms --- */

static const double default_bounds[] = {.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10};

static int check_bounds(struct clutch_metric *metric)
{
    /* +Inf is there in any case. */
    if (metric->bound_count > 0 && isinf(metric->bounds[metric->bound_count - 1]) &&
        metric->bounds[metric->bound_count - 1] > 0)
        metric->bound_count--;
    if (metric->bound_count == 0) {
        PyErr_SetString(PyExc_ValueError, "Must have at least two buckets");
        return -1;
    }
    for (size_t i = 0; i < metric->bound_count; i++) {
        if (!isfinite(metric->bounds[i]) || (i > 0 && metric->bounds[i] <= metric->bounds[i - 1])) {
            PyErr_SetString(PyExc_ValueError, "Buckets not in sorted order");
            return -1;
        }
    }
    return 0;
}

static int copy_bounds(struct clutch_metric *metric, PyObject *sequence)
{
    for (size_t i = 0; i < metric->bound_count; i++) {
        PyObject *item = sequence != NULL ? PyTuple_GET_ITEM(sequence, (Py_ssize_t)i) : NULL;
        double bound = item != NULL ? PyFloat_AsDouble(item) : default_bounds[i];

        if (bound == -1.0 && PyErr_Occurred())
            return -1;
        metric->bounds[i] = bound;
    }
    return check_bounds(metric);
}

static int read_bounds(struct clutch_metric *metric, PyObject *buckets)
{
    PyObject *sequence = buckets != NULL ? PySequence_Tuple(buckets) : NULL;
    int result = -1;

    if (buckets != NULL && sequence == NULL)
        return -1;
    metric->bound_count = sequence != NULL ? (size_t)PyTuple_GET_SIZE(sequence) : ARRAY_COUNT(default_bounds);
    if (metric->bound_count > APP_METRIC_BOUNDS) {
        PyErr_Format(PyExc_ValueError, "a histogram can have %d buckets, not %zu", APP_METRIC_BOUNDS,
                     metric->bound_count);
    } else {
        metric->bounds = PyMem_New(double, metric->bound_count + 1);
        if (metric->bounds == NULL)
            PyErr_NoMemory();
        else
            result = copy_bounds(metric, sequence);
    }
    Py_XDECREF(sequence);
    return result;
}

PyObject *clutch_metric_new_histogram(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static const char *const names[] = {"name",      "documentation", "labelnames", "namespace",
                                        "subsystem", "unit",          "buckets",    NULL};
    struct arguments given = {.namespace = "", .subsystem = "", .unit = ""};
    PyObject *buckets = NULL;
    struct clutch_metric *metric = NULL;

    if (PyArg_ParseTupleAndKeywords(args, keywords, "UU|O$sssO:Histogram", PYTHON_KEYWORDS(names), &given.name,
                                    &given.help, &given.label_names, &given.namespace, &given.subsystem, &given.unit,
                                    &buckets))
        metric = begin(type, APP_METRIC_HISTOGRAM, &given);
    return metric != NULL ? end(metric, read_bounds(metric, buckets)) : NULL;
}
