/* SPDX-License-Identifier: MIT */
#include "interrupt.h"

#include <signal.h>

#include "app_thread.h"
#include "config.h"
#include "python_gateway_priv.h"
#include "stray.h"

enum { SIGNAL_OFFSET = 9 }; /* from SIGRTMIN; others are in python_stacks.c and board/stacks.h */

/* Whether the thread is to be interrupted where it is now; once for each request. With the GIL. */
static bool begin(struct interrupt *interrupt)
{
    uint64_t running = atomic_load_explicit(&interrupt->running, memory_order_relaxed);

    if (running == 0 || atomic_load(&interrupt->wanted) != running || interrupt->raised == running)
        return false;
    interrupt->raised = running;
    return true;
}

static PyObject *on_signal(PyObject *Py_UNUSED(nothing), PyObject *Py_UNUSED(arguments))
{
    struct gateway_thread *thread = app_thread_current();

    if (thread == NULL || stray_is_here() || !begin(&thread->interrupt))
        Py_RETURN_NONE;
    PyErr_SetNone(thread->gateway->request_timeout);
    return NULL;
}

int interrupt_open(const struct gateway *gateway)
{
    static PyMethodDef handler = {"request_timeout", PYTHON_METHOD(on_signal), METH_VARARGS,
                                  "Ends the request that runs for longer than --request-timeout."};
    PyObject *module, *function, *earlier = NULL;

    if (gateway->config->request_timeout_ms == 0)
        return 0;
    module = PyImport_ImportModule("signal");
    function = PyCFunction_New(&handler, NULL);
    if (module != NULL && function != NULL)
        earlier = PyObject_CallMethod(module, "signal", "iO", SIGRTMIN + SIGNAL_OFFSET, function);
    Py_XDECREF(function);
    Py_XDECREF(module);
    Py_XDECREF(earlier);
    return earlier != NULL ? 0 : -1;
}

void interrupt_ask(struct gateway_thread *thread, uint64_t number)
{
    atomic_store(&thread->interrupt.wanted, number);
    if (thread->is_main)
        pthread_kill(thread->gateway->main_thread, SIGRTMIN + SIGNAL_OFFSET);
    else
        (void)!watchdog_call(thread->gateway);
}

void interrupt_raise(const struct gateway *gateway)
{
    for (struct gateway_thread *thread = gateway->threads; thread != NULL; thread = thread->next) {
        if (!thread->is_main && begin(&thread->interrupt))
            PyThreadState_SetAsyncExc(thread->interrupt.ident, gateway->request_timeout);
    }
}

bool interrupt_is_raised(const struct gateway_thread *thread)
{
    return thread->interrupt.raised == thread->response.exchange->number &&
           PyErr_ExceptionMatches(thread->gateway->request_timeout);
}

/* It may not have been raised yet. */
void interrupt_forget(const struct interrupt *interrupt)
{
    PyThreadState_SetAsyncExc(interrupt->ident, NULL);
}
