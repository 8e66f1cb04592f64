/* SPDX-License-Identifier: MIT
 * environ from a template. Runs on the app thread, with the GIL, once for every request. */
#include "wsgi_environ.h"

#include <string.h>

#include "config.h"
#include "exchange.h"
#include "gateway.h"
#include "names.h"
#include "percent.h"
#include "wsgi_fields.h"

static PyObject *name_of(const struct wsgi_environ *self, enum name_id id)
{
    return self->names->texts[id];
}

static int set(struct wsgi_environ *self, enum name_id key, PyObject *value)
{
    return PyDict_SetItem(self->template, name_of(self, key), value);
}

/* Takes the reference to `value`, which may be NULL with an exception. */
static int set_steal(PyObject *dict, PyObject *key, PyObject *value)
{
    int result = value != NULL ? PyDict_SetItem(dict, key, value) : -1;

    Py_XDECREF(value);
    return result;
}

/* First of all, so that what the server has to say wins. */
static int set_pairs(struct wsgi_environ *self, const struct config_list *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        const char *entry = pairs->items[i], *equals = strchr(entry, '=');
        PyObject *name = wsgi_text_new(slice_of(entry, (size_t)(equals - entry)));
        int result = name != NULL ? set_steal(self->template, name, wsgi_text_new(slice_of_string(equals + 1))) : -1;

        Py_XDECREF(name);
        if (result < 0)
            return -1;
    }
    return 0;
}

static int set_constants(struct wsgi_environ *self, const struct gateway_place *place,
                         const struct wsgi_environ_constants *constants)
{
    const struct {
        enum name_id key;
        PyObject *value;
    } items[] = {
        {NAME_SCRIPT_NAME, name_of(self, NAME_empty)},
        {NAME_SERVER_SOFTWARE, name_of(self, NAME_software)},
        {NAME_wsgi_input, constants->input},
        {NAME_wsgi_errors, constants->errors},
        {NAME_wsgi_file_wrapper, constants->file_wrapper},
        {NAME_wsgi_early_hints, constants->early_hints},
        {NAME_wsgi_input_terminated, Py_True},
        {NAME_wsgi_multithread, place->thread_count > 1 ? Py_True : Py_False},
        {NAME_wsgi_multiprocess, Py_False},
        {NAME_wsgi_run_once, Py_False},
        {NAME_clutch_version, name_of(self, NAME_version)},
    };

    for (size_t i = 0; i < ARRAY_COUNT(items); i++) {
        if (set(self, items[i].key, items[i].value) < 0)
            return -1;
    }
    if (set_steal(self->template, name_of(self, NAME_wsgi_version), Py_BuildValue("(ii)", 1, 0)) < 0)
        return -1;
    return set_steal(self->template, name_of(self, NAME_clutch_worker), PyLong_FromLong(place->worker));
}

int wsgi_environ_init(struct wsgi_environ *self, const struct names *names, const struct gateway_place *place,
                      const struct wsgi_environ_constants *constants)
{
    memset(self, 0, sizeof(*self));
    buf_init(&self->scratch);
    self->names = names;
    self->version_minor = -1;
    self->gil_wait_us = self->queue_us = -1;
    self->worker_count = place->worker_count;
    self->template = PyDict_New();
    if (self->template == NULL || set_pairs(self, constants->pairs) < 0)
        return -1;
    return set_constants(self, place, constants);
}

void wsgi_environ_fini(struct wsgi_environ *self)
{
    for (int id = 0; id < KNOWN_HEADER_COUNT; id++)
        Py_CLEAR(self->fields[id]);
    for (int i = 0; i < ENVIRON_VARIABLE_COUNT; i++)
        Py_CLEAR(self->variables[i]);
    self->present = 0;
    self->client_disconnected = NULL;
    Py_CLEAR(self->template);
    buf_fini(&self->scratch);
}

/* Stores a variable under its key; takes the reference to `text`. */
static int store(struct wsgi_environ *self, enum environ_variable variable, enum name_id key, PyObject *text)
{
    if (text == NULL || set(self, key, text) < 0) {
        Py_XDECREF(text);
        return -1;
    }
    Py_XSETREF(self->variables[variable], text);
    return 0;
}

static bool holds(const struct wsgi_environ *self, enum environ_variable variable, struct slice value)
{
    return self->variables[variable] != NULL && wsgi_text_equals(self->variables[variable], value);
}

static int set_variable(struct wsgi_environ *self, enum environ_variable variable, enum name_id key, struct slice value)
{
    return LIKELY(holds(self, variable, value)) ? 0 : store(self, variable, key, wsgi_text_new(value));
}

/* The path with its escapes decoded; points into the path itself when it has none, else into the scratch buffer. */
static int decode_path(struct wsgi_environ *self, struct slice *path)
{
    if (LIKELY(memchr(path->ptr, '%', path->len) == NULL))
        return 0;
    self->scratch.len = 0;
    if (buf_reserve(&self->scratch, path->len) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    *path = slice_of(self->scratch.ptr, percent_decode(*path, self->scratch.ptr));
    return 0;
}

static int set_target(struct wsgi_environ *self, struct slice target)
{
    PyObject *text;

    if (LIKELY(holds(self, ENVIRON_TARGET, target)))
        return 0;
    text = wsgi_text_new(target);
    if (text != NULL && set(self, NAME_RAW_URI, text) < 0)
        Py_CLEAR(text);
    return store(self, ENVIRON_TARGET, NAME_REQUEST_URI, text);
}

static int set_protocol(struct wsgi_environ *self, int version_minor)
{
    if (LIKELY(self->version_minor == version_minor))
        return 0;
    if (set(self, NAME_SERVER_PROTOCOL, name_of(self, version_minor == 0 ? NAME_http_1_0 : NAME_http_1_1)) < 0)
        return -1;
    self->version_minor = version_minor;
    return 0;
}

static int update_request(struct wsgi_environ *self, const struct request *request)
{
    struct slice path = request->path;

    if (set_variable(self, ENVIRON_METHOD, NAME_REQUEST_METHOD, request->method) < 0 ||
        set_target(self, request->target) < 0 || decode_path(self, &path) < 0 ||
        set_variable(self, ENVIRON_PATH, NAME_PATH_INFO, path) < 0 ||
        set_variable(self, ENVIRON_QUERY, NAME_QUERY_STRING, request->query) < 0)
        return -1;
    return set_protocol(self, request->version_minor);
}

/* Sets a variable, or deletes it while there is nothing to say. */
static int set_or_delete(struct wsgi_environ *self, enum environ_variable variable, enum name_id key,
                         struct slice value)
{
    if (LIKELY(value.len > 0))
        return set_variable(self, variable, key, value);
    if (self->variables[variable] == NULL)
        return 0;
    Py_CLEAR(self->variables[variable]);
    return PyDict_DelItem(self->template, name_of(self, key));
}

static int set_scheme(struct wsgi_environ *self, struct slice scheme)
{
    PyObject *key = name_of(self, NAME_HTTPS);
    int result = 0;

    if (LIKELY(holds(self, ENVIRON_SCHEME, scheme)))
        return 0;
    if (slice_equal(scheme, SLICE("https")))
        result = set(self, NAME_HTTPS, name_of(self, NAME_on));
    else if (PyDict_Contains(self->template, key) == 1)
        result = PyDict_DelItem(self->template, key);
    return result < 0 ? -1 : set_variable(self, ENVIRON_SCHEME, NAME_wsgi_url_scheme, scheme);
}

/* A unix socket has no port, but SERVER_PORT may not be empty (PEP 3333): the scheme's own stands in. */
static int update_listener(struct wsgi_environ *self, const struct endpoints *endpoints)
{
    struct slice scheme = slice_of_string(endpoints->scheme), port = slice_of_string(endpoints->server_port);

    if (port.len == 0)
        port = slice_equal(scheme, SLICE("https")) ? SLICE("443") : SLICE("80");
    self->server_name = NULL;
    if (set_variable(self, ENVIRON_SERVER_NAME, NAME_SERVER_NAME, slice_of_string(endpoints->server_name)) < 0 ||
        set_variable(self, ENVIRON_SERVER_PORT, NAME_SERVER_PORT, port) < 0 || set_scheme(self, scheme) < 0)
        return -1;
    self->server_name = endpoints->server_name;
    self->server_port = endpoints->server_port;
    self->scheme = endpoints->scheme;
    return 0;
}

static int update_endpoints(struct wsgi_environ *self, const struct endpoints *endpoints)
{
    if (set_variable(self, ENVIRON_REMOTE_ADDR, NAME_REMOTE_ADDR, slice_of_string(endpoints->remote_address)) < 0 ||
        set_or_delete(self, ENVIRON_REMOTE_PORT, NAME_REMOTE_PORT, slice_of_string(endpoints->remote_port)) < 0 ||
        set_variable(self, ENVIRON_PEER_ADDR, NAME_clutch_peer_addr, slice_of_string(endpoints->peer_address)) < 0)
        return -1;
    if (LIKELY(self->server_name == endpoints->server_name && self->server_port == endpoints->server_port &&
               self->scheme == endpoints->scheme))
        return 0;
    return update_listener(self, endpoints);
}

/* Numbers that are mostly the same small ones. */
static int set_number(struct wsgi_environ *self, enum name_id key, int64_t *held, int64_t value)
{
    if (LIKELY(*held == value))
        return 0;
    if (set_steal(self->template, name_of(self, key), PyLong_FromLongLong(value)) < 0)
        return -1;
    *held = value;
    return 0;
}

static int update_measures(struct wsgi_environ *self, const struct exchange_times *times)
{
    int64_t queue_us = times->taken_us > times->arrived_us ? times->taken_us - times->arrived_us : 0;

    if (set_number(self, NAME_clutch_gil_wait_us, &self->gil_wait_us, times->gil_wait_us) < 0)
        return -1;
    return set_number(self, NAME_clutch_queue_us, &self->queue_us, queue_us);
}

static int update_client(struct wsgi_environ *self, PyObject *client_disconnected)
{
    if (LIKELY(self->client_disconnected == client_disconnected))
        return 0;
    if (set(self, NAME_clutch_client_disconnected, client_disconnected) < 0)
        return -1;
    self->client_disconnected = client_disconnected;
    return 0;
}

/* The only worker may get company (SIGTTIN). */
static int update_company(struct wsgi_environ *self)
{
    bool is_multiprocess = atomic_load_explicit(self->worker_count, memory_order_relaxed) > 1;

    if (LIKELY(self->is_multiprocess == is_multiprocess))
        return 0;
    if (set(self, NAME_wsgi_multiprocess, is_multiprocess ? Py_True : Py_False) < 0)
        return -1;
    self->is_multiprocess = is_multiprocess;
    return 0;
}

static int add_request_id(const struct wsgi_environ *self, const struct exchange *exchange, PyObject *copy)
{
    return set_steal(copy, name_of(self, NAME_clutch_request_id), wsgi_text_new(exchange->request_id));
}

PyObject *wsgi_environ_new(struct wsgi_environ *self, const struct exchange *exchange, PyObject *input,
                           PyObject *client_disconnected)
{
    PyObject *copy;
    size_t unknown_count;

    if (wsgi_fields_update(self, exchange, &unknown_count) < 0 || update_request(self, exchange->request) < 0 ||
        update_endpoints(self, exchange->endpoints) < 0 || update_measures(self, &exchange->times) < 0 ||
        update_client(self, client_disconnected) < 0 || update_company(self) < 0)
        return NULL;
    copy = PyDict_Copy(self->template);
    if (copy == NULL)
        return NULL;
    if ((exchange->body.length > 0 && PyDict_SetItem(copy, name_of(self, NAME_wsgi_input), input) < 0) ||
        (unknown_count > 0 && wsgi_fields_add_unknown(exchange, copy) < 0) ||
        (UNLIKELY(exchange->request_id.len > 0) && add_request_id(self, exchange, copy) < 0)) {
        Py_DECREF(copy);
        return NULL;
    }
    return copy;
}
