/* SPDX-License-Identifier: MIT
 * The WSGI call. Runs on the app threads of a worker; takes and releases the GIL itself. */
#include "wsgi.h"

#include "clock.h"
#include "config.h"
#include "python_gateway_priv.h"
#include "runtime.h"
#include "stray.h"
#include "wsgi_body.h"

/* References to clutch.client_disconnected that are ours: the thread's and the template's. */
enum { OWN_REFERENCE = 1, OWN_AND_TEMPLATE = 2 };

int wsgi_init(struct gateway_thread *thread)
{
    struct gateway *gateway = thread->gateway;
    struct wsgi_environ_constants constants;

    wsgi_response_init(&thread->response, gateway, gateway->place.thread_count > 1 ? &gateway->gil_waiters : NULL);
    if (wsgi_callables_init(&thread->callables, &thread->response, &gateway->names) < 0 ||
        wsgi_inputs_init(&thread->inputs) < 0)
        return -1;
    constants = (struct wsgi_environ_constants){
        .errors = gateway->streams.texts[LOG_STREAM_LOG],
        .file_wrapper = (PyObject *)gateway->files.wrapper,
        .early_hints = gateway->early_hints,
        .input = thread->inputs.empty,
        .pairs = &gateway->config->environ_pairs,
    };
    return wsgi_environ_init(&thread->environ, &gateway->names, &gateway->place, &constants);
}

void wsgi_fini(struct gateway_thread *thread)
{
    wsgi_environ_fini(&thread->environ);
    wsgi_inputs_fini(&thread->inputs);
    wsgi_callables_fini(&thread->callables);
}

/* An exception reached us: the client gets a 500 or a cut-off response, the log the traceback. */
static void fail(struct gateway_thread *thread)
{
    struct wsgi_response *response = &thread->response;

    interrupt_end(&thread->interrupt);
    stray_end_if_here(thread->gateway);
    if (response->is_gone && PyErr_ExceptionMatches(PyExc_BrokenPipeError))
        PyErr_Clear(); /* write() has told the application, which need not know how to end quietly */
    else if (interrupt_is_raised(thread))
        PyErr_Clear(); /* the log has all of it */
    else
        errors_log_request(&thread->gateway->errors, response->exchange);
    wsgi_response_settle(response); /* ends a child that was forked while the exception was shown */
    response->exchange->has_app_failed = true;
    if (!response->is_over)
        exchange_fail(response->exchange);
    response->is_over = true;
    interrupt_begin(&thread->interrupt, response->exchange->number); /* close() is the application's again */
}

/* application(environ, start_response). New reference, or NULL with an exception. */
static PyObject *call_application(struct gateway_thread *thread)
{
    PyObject *start_response = wsgi_callables_get(&thread->callables, WSGI_START_RESPONSE);
    PyObject *client_disconnected = wsgi_callables_get(&thread->callables, WSGI_CLIENT_DISCONNECTED);
    PyObject *input = wsgi_inputs_get(&thread->inputs, &thread->response.exchange->body);
    PyObject *arguments[3] = {NULL, NULL, start_response}; /* vectorcall may use the first slot */
    PyObject *result;

    if (start_response == NULL || client_disconnected == NULL || input == NULL)
        return NULL;
    arguments[1] = wsgi_environ_new(&thread->environ, thread->response.exchange, input, client_disconnected);
    if (arguments[1] == NULL)
        return NULL;
    stray_end_if_here(thread->gateway); /* forked by a __del__() that a collection ran */
    Py_INCREF(start_response);          /* the application may end a reference to it in ways that replace ours */
    result = PyObject_Vectorcall(thread->gateway->app, arguments + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_DECREF(start_response);
    Py_DECREF(arguments[1]);
    return result;
}

static void run(struct gateway_thread *thread)
{
    PyObject *result = call_application(thread);

    stray_end_if_here(thread->gateway);
    if (UNLIKELY(result == NULL || wsgi_body_send(thread, result) < 0))
        fail(thread);
    if (LIKELY(result != NULL)) {
        wsgi_body_close(thread, result);
        Py_DECREF(result);
    }
    stray_end_if_here(thread->gateway); /* forked by close(), or by __del__() */
}

/* Cuts off what the application may have kept, so that a late use raises instead of reaching the next request. */
static void end(struct gateway_thread *thread)
{
    interrupt_end(&thread->interrupt);
    wsgi_response_settle(&thread->response);
    wsgi_callables_end(&thread->callables, WSGI_START_RESPONSE, OWN_REFERENCE);
    wsgi_callables_end(&thread->callables, WSGI_WRITE, OWN_REFERENCE);
    wsgi_callables_end(&thread->callables, WSGI_CLIENT_DISCONNECTED, OWN_AND_TEMPLATE);
    wsgi_inputs_end(&thread->inputs);
    thread->response.exchange = NULL;
}

void wsgi_serve(struct gateway_thread *thread, struct exchange *exchange)
{
    int64_t entered_us;

    exchange_enter(exchange, EXCHANGE_GIL);
    runtime_enter_counted(thread->state, thread->response.gil_waiters);
    exchange_enter(exchange, EXCHANGE_APP);
    entered_us = clock_now_us();
    exchange->times.gil_wait_us = entered_us - exchange->times.taken_us;
    if (LIKELY(!interrupt_is_wanted(&thread->interrupt, exchange->number))) {
        wsgi_response_begin(&thread->response, exchange);
        interrupt_begin(&thread->interrupt, exchange->number);
        run(thread);
        end(thread);
        exchange->times.app_us = clock_now_us() - entered_us - thread->response.away_us;
    } else {
        exchange->is_given_up = true; /* it has been answered with 504 while it waited for the GIL */
    }
    thread->state = runtime_leave();
}
