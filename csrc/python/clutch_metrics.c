/* SPDX-License-Identifier: MIT
 * The module clutch.metrics and the arena behind it. Runs wherever the application does, with the GIL. */
#include "clutch_metrics.h"

#include "app_metrics.h"
#include "buf.h"
#include "clutch_metric.h"
#include "clutch_metric_guard.h"
#include "clutch_module.h"
#include "log.h"
#include "python_gateway_priv.h"
#include "runtime.h"

enum { OWN_BYTES = 1 << 20, OWN_SEATS = 8 };

static struct app_metrics *used_arena; /* borrowed from the gateway's place, or own_arena */
static struct app_metrics *own_arena;  /* owned: where the server has none */

/* --- The arena --- */

struct app_metrics *clutch_metrics_used_arena(void)
{
    return used_arena;
}

struct app_metrics *clutch_metrics_arena(void)
{
    PyThreadState *state;

    if (used_arena != NULL)
        return used_arena;
    used_arena = clutch_module_gateway()->place.app_metrics;
    if (used_arena == NULL)
        used_arena = own_arena = app_metrics_new(OWN_BYTES, OWN_SEATS);
    if (used_arena == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    state = runtime_leave();
    app_metrics_sit(used_arena);
    runtime_enter(state);
    return used_arena;
}

void clutch_metrics_adopt(void)
{
    if (used_arena != NULL)
        app_metrics_sit(used_arena);
}

void clutch_metrics_fini(void)
{
    if (used_arena != NULL)
        app_metrics_rise(used_arena);
    clutch_metric_forget_names();
}

void clutch_metrics_note_dropped(const char *name)
{
    PyThreadState *state;

    if (!app_metrics_note_dropped(used_arena))
        return;
    state = runtime_leave();
    log_warning("a series of the application's metric %s found no room and is not shown, nor are others like it: see "
                "--app-metrics-memory; values of labels can have %d bytes",
                name != NULL ? name : "?", APP_METRIC_VALUE_BYTES);
    runtime_enter(state);
}

/* --- The module --- */

static PyObject *generate_latest(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(arguments))
{
    const struct app_metrics *arena = clutch_metrics_arena();
    PyThreadState *state;
    struct buf text;
    PyObject *result = NULL;
    int printed;

    if (arena == NULL)
        return NULL;
    buf_init(&text);
    state = runtime_leave();
    printed = app_metrics_print(arena, &text);
    runtime_enter(state);
    if (printed == 0)
        result = PyBytes_FromStringAndSize(text.ptr, (Py_ssize_t)text.len);
    else
        PyErr_NoMemory();
    buf_fini(&text);
    return result;
}

static PyMethodDef functions[] = {
    {"generate_latest", PYTHON_METHOD(generate_latest), METH_NOARGS,
     "generate_latest()\n--\n\nAll metrics of the application, of all workers, as Prometheus text (bytes)."},
    {NULL, NULL, 0, NULL},
};

/* `import clutch.metrics` finds what importing the parent has left in sys.modules. */
static int publish(PyObject *parent, PyObject *module)
{
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */

    if (PyObject_SetAttrString(parent, "metrics", module) < 0)
        return -1;
    return PyDict_SetItemString(modules, "clutch.metrics", module);
}

static int fill(PyObject *module)
{
    if (PyModule_SetDocString(module, "Figures of the application, kept for all workers and shown with the server's "
                                      "own; near prometheus_client.") < 0 ||
        PyModule_AddStringConstant(module, "CONTENT_TYPE_LATEST", "text/plain; version=0.0.4; charset=utf-8") < 0)
        return -1;
    return PyModule_AddFunctions(module, functions) < 0 || clutch_metric_add_types(module) < 0 ? -1 : 0;
}

int clutch_metrics_add(PyObject *parent)
{
    PyObject *module = clutch_metric_guard_init() == 0 ? PyModule_New("clutch.metrics") : NULL;
    int result = module != NULL && fill(module) == 0 ? publish(parent, module) : -1;

    Py_XDECREF(module);
    return result;
}
