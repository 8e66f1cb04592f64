/* SPDX-License-Identifier: MIT
 * Response bodies. Runs on the app thread of the request, with the GIL (given up around writes). */
#include "wsgi_body.h"

#include "log.h"
#include "python_gateway_priv.h"
#include "runtime.h"
#include "stray.h"

enum { BLOCKS_ON_STACK = 64 };

/* The blocks of a list or tuple. */
struct gathered {
    struct slice *blocks; /* on the stack of the caller, or from PyMem */
    size_t count;
    uint64_t total;
};

/* Cuts a block to what the declared length has room for. */
static struct slice cut(struct wsgi_response *response, struct slice block, uint64_t room)
{
    if (LIKELY(block.len <= room))
        return block;
    response->has_surplus = wsgi_response_needs_body(response);
    return slice_of(block.ptr, (size_t)room);
}

/* A mistake that is made in every request is worth one line, not one a request. */
static void warn_once(bool *has_warned, const char *warning)
{
    PyThreadState *state;

    if (*has_warned)
        return;
    *has_warned = true;
    state = runtime_leave();
    log_warning("%s (said once)", warning);
    runtime_enter(state);
}

static int raise_block_type(PyObject *block)
{
    PyErr_Format(PyExc_TypeError, "the application's response holds a %.100s; its blocks must be bytes",
                 Py_TYPE(block)->tp_name);
    return -1;
}

/* Collects the blocks of a sequence that are not empty. */
static int gather(struct gateway_thread *thread, PyObject *const *items, Py_ssize_t count, struct gathered *gathered)
{
    uint64_t room = wsgi_response_room(&thread->response);

    for (Py_ssize_t i = 0; i < count; i++) {
        struct slice block;

        if (UNLIKELY(!PyBytes_Check(items[i])))
            return raise_block_type(items[i]);
        if (PyBytes_GET_SIZE(items[i]) == 0)
            continue;
        thread->response.exchange->block_count++;
        block = cut(&thread->response, python_bytes_view(items[i]), room - gathered->total);
        gathered->blocks[gathered->count++] = block;
        gathered->total += block.len;
    }
    return 0;
}

/* The blocks of a list as a tuple. PyList_AsTuple() would not do: making a tuple may run a collection, and that code
 * which changes the list. New reference, or NULL with an exception. */
static PyObject *new_snapshot(PyObject *list)
{
    Py_ssize_t count = PyList_GET_SIZE(list);
    PyObject *snapshot = PyTuple_New(count);

    if (snapshot == NULL)
        return NULL;
    if (PyList_GET_SIZE(list) != count) {
        Py_DECREF(snapshot);
        return PyErr_Format(PyExc_RuntimeError, "the application changed the list that it had returned");
    }
    for (Py_ssize_t i = 0; i < count; i++)
        PyTuple_SET_ITEM(snapshot, i, Py_NewRef(PyList_GET_ITEM(list, i)));
    return snapshot;
}

static int send_items(struct gateway_thread *thread, PyObject *owner, PyObject *const *items, Py_ssize_t count);

/* What is written without the GIL must not change. */
static int send_snapshot(struct gateway_thread *thread, PyObject *list)
{
    PyObject *snapshot = new_snapshot(list);
    int result;

    if (snapshot == NULL)
        return -1;
    result = send_items(thread, snapshot, PySequence_Fast_ITEMS(snapshot), PyTuple_GET_SIZE(snapshot));
    Py_DECREF(snapshot);
    return result;
}

/* Hands a whole body over, whose blocks belong to `owner`. */
static int send_whole(struct gateway_thread *thread, PyObject *owner, const struct gathered *body)
{
    struct wsgi_response *response = &thread->response;

    if (wsgi_response_check_length(response, body->total) < 0)
        return -1;
    if (LIKELY(exchange_buffer_body(response->exchange, body->blocks, body->count))) {
        response->is_over = true;
        return 0;
    }
    if (PyList_CheckExact(owner)) {
        response->exchange->block_count -= (unsigned)body->count; /* they are counted again */
        return send_snapshot(thread, owner);
    }
    wsgi_response_write(response, body->blocks, body->count, true);
    return 0;
}

/* Sends `count` blocks that belong to `owner`. */
static int send_items(struct gateway_thread *thread, PyObject *owner, PyObject *const *items, Py_ssize_t count)
{
    struct slice few[BLOCKS_ON_STACK];
    struct gathered body = {.blocks = few};
    int result = -1;

    if (wsgi_response_check_head(&thread->response) < 0)
        return -1;
    if (UNLIKELY(count > BLOCKS_ON_STACK) && (body.blocks = PyMem_New(struct slice, (size_t)count)) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (gather(thread, items, count, &body) == 0)
        result = send_whole(thread, owner, &body);
    if (UNLIKELY(body.blocks != few))
        PyMem_Free(body.blocks);
    return result;
}

/* bytes are iterable, into numbers; what is meant is clear. */
static int send_bytes(struct gateway_thread *thread, PyObject *bytes)
{
    warn_once(&thread->gateway->has_warned_bytes, "the application returns bytes, not an iterable of bytes: they are "
                                                  "sent whole, but [body] is what PEP 3333 asks for");
    return send_items(thread, bytes, &bytes, 1);
}

/* len() of an iterable that has one: then a single block is known to be the last (PEP 3333, "Handling the
 * Content-Length Header"). Asked before the first block: what is left then is no business of ours, and __len__() may
 * start or write a response like any other code of the application. Returns 1 or 0; -1 with an exception that is none
 * of len()'s business. */
static int has_one_item(struct gateway_thread *thread, PyObject *result)
{
    PySequenceMethods *as_sequence = Py_TYPE(result)->tp_as_sequence;
    PyMappingMethods *as_mapping = Py_TYPE(result)->tp_as_mapping;
    Py_ssize_t count;

    if ((as_sequence == NULL || as_sequence->sq_length == NULL) &&
        (as_mapping == NULL || as_mapping->mp_length == NULL))
        return 0;
    count = PyObject_Size(result);
    stray_end_if_here(thread->gateway);
    if (count < 0 && !PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    if (count < 0)
        PyErr_Clear();
    return count == 1;
}

/* Whether this block is all of the body. `is_single`: the iterable has no other. */
static bool is_whole_body(const struct wsgi_response *response, size_t len, bool is_single)
{
    const struct exchange *exchange = response->exchange;

    if (exchange->is_head_sent)
        return false;
    return exchange->has_length ? len >= exchange->declared_bytes : is_single;
}

/* Sends one block that the iterator gave. Sets is_over when there is nothing more to ask for. */
static int send_block(struct wsgi_response *response, PyObject *item, bool is_single)
{
    struct slice block;

    if (UNLIKELY(!PyBytes_Check(item)))
        return raise_block_type(item);
    if (PyBytes_GET_SIZE(item) == 0) {
        wsgi_response_look_for_client(response);
        return 0;
    }
    wsgi_response_settle(response);
    if (wsgi_response_check_head(response) < 0)
        return -1;
    response->exchange->block_count++;
    block = cut(response, python_bytes_view(item), wsgi_response_room(response));
    /* Sent now, not after close(): what an application does in close() must not keep its client waiting. */
    wsgi_response_write(response, &block, 1, is_whole_body(response, (size_t)PyBytes_GET_SIZE(item), is_single));
    return 0;
}

/* The next block; NULL at the end, or with an exception. */
static PyObject *next_block(struct gateway_thread *thread, PyObject *iterator)
{
    PyObject *item = PyIter_Next(iterator);

    stray_end_if_here(thread->gateway);
    return item;
}

/* The iterable is exhausted without an error. */
static int finish(struct wsgi_response *response)
{
    if (response->is_over)
        return 0;
    if (wsgi_response_check_head(response) < 0 || wsgi_response_check_length(response, 0) < 0)
        return -1;
    wsgi_response_write(response, NULL, 0, true);
    return 0;
}

static int send_iterable(struct gateway_thread *thread, PyObject *result)
{
    struct wsgi_response *response = &thread->response;
    PyObject *iterator, *item;
    int is_single, status = 0;

    if (Py_TYPE(result)->tp_iter == NULL && !PySequence_Check(result)) {
        PyErr_Format(PyExc_TypeError, "the application returned %s%.100s, not an iterable of bytes",
                     result == Py_None ? "" : "an object of type ",
                     result == Py_None ? "None" : Py_TYPE(result)->tp_name);
        return -1;
    }
    is_single = response->exchange->has_length ? 0 : has_one_item(thread, result);
    iterator = is_single >= 0 ? PyObject_GetIter(result) : NULL;
    if (iterator == NULL)
        return -1;
    while (status == 0 && !response->is_over && (item = next_block(thread, iterator)) != NULL) {
        status = send_block(response, item, is_single != 0);
        Py_DECREF(item);
    }
    Py_DECREF(iterator);
    if (status < 0 || PyErr_Occurred())
        return -1;
    wsgi_response_settle(response);
    return finish(response);
}

static int send_result(struct gateway_thread *thread, PyObject *result)
{
    struct wsgi_response *response = &thread->response;
    int is_sent;

    if (LIKELY(PyList_CheckExact(result) || PyTuple_CheckExact(result)))
        return send_items(thread, result, PySequence_Fast_ITEMS(result), PySequence_Fast_GET_SIZE(result));
    if (PyBytes_Check(result))
        return send_bytes(thread, result);
    if (Py_TYPE(result) == thread->gateway->files.wrapper) {
        if (wsgi_response_check_head(response) < 0)
            return -1;
        is_sent = wsgi_file_send(&thread->gateway->files, &thread->gateway->names, response, result);
        if (is_sent != 0)
            return is_sent < 0 ? -1 : 0;
    }
    return send_iterable(thread, result);
}

int wsgi_body_send(struct gateway_thread *thread, PyObject *result)
{
    struct wsgi_response *response = &thread->response;
    int status;

    wsgi_response_settle(response);
    status = response->is_over ? 0 : send_result(thread, result);
    if (UNLIKELY(response->has_surplus) && status == 0)
        warn_once(&thread->gateway->has_warned_surplus,
                  "the application gave more bytes than the Content-Length that it declared: the surplus is not sent");
    return status;
}

void wsgi_body_close(struct gateway_thread *thread, PyObject *result)
{
    PyObject *close = NULL, *answer = NULL;
    char request[512];
    int found;

    if (LIKELY(PyList_CheckExact(result) || PyTuple_CheckExact(result) || PyBytes_Check(result)))
        return;
    found = python_find_attr(result, thread->gateway->names.texts[NAME_close], &close);
    if (found == 1)
        answer = PyObject_CallObject(close, NULL);
    Py_XDECREF(close);
    stray_end_if_here(thread->gateway);
    if (UNLIKELY(found < 0 || (found == 1 && answer == NULL))) {
        if (interrupt_is_raised(thread)) {
            PyErr_Clear();
            return;
        }
        errors_describe_request(thread->response.exchange, request, sizeof(request));
        errors_log(&thread->gateway->errors, "%s: close() of what the application returned failed", request);
    }
    Py_XDECREF(answer);
}
