/* SPDX-License-Identifier: MIT
 * Attaching app threads to the interpreter. Runs on each of them, at its start and its end; the first is the main
 * thread. */
#include "app_thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "clutch_hooks.h"
#include "log.h"
#include "python_gateway_priv.h"
#include "runtime.h"
#include "wsgi.h"

enum { NAME_BYTES = 16 }; /* as long as the system lets them be */

static _Thread_local struct gateway_thread *own_thread;

struct gateway_thread *app_thread_current(void)
{
    return own_thread;
}

/* A thread that Python did not start has no entry in threading until somebody asks for it; "Dummy-1" says little in a
 * log. */
static int enter_threading(PyObject *threading, bool is_main)
{
    PyObject *current = PyObject_CallMethod(threading, "current_thread", NULL), *name = NULL;
    char text[NAME_BYTES];
    int result = current != NULL ? 0 : -1;

    if (result == 0 && !is_main && pthread_getname_np(pthread_self(), text, sizeof(text)) == 0) {
        name = PyUnicode_DecodeFSDefault(text);
        result = name != NULL ? PyObject_SetAttrString(current, "name", name) : -1;
    }
    Py_XDECREF(name);
    Py_XDECREF(current);
    return result;
}

/* sys.`set`(threading.`get`()): threading.settrace() and setprofile() promise it for every thread from then on. */
static int inherit_hook(PyObject *threading, const char *get, const char *set)
{
    PyObject *sys, *hook, *done = NULL;

    if (!PyObject_HasAttrString(threading, get)) /* Python 3.9 */
        return 0;
    sys = PyImport_ImportModule("sys");
    hook = PyObject_CallMethod(threading, get, NULL);
    if (sys != NULL && hook != NULL)
        done = hook != Py_None ? PyObject_CallMethod(sys, set, "O", hook) : Py_NewRef(Py_None);
    Py_XDECREF(done);
    Py_XDECREF(hook);
    Py_XDECREF(sys);
    return done != NULL ? 0 : -1;
}

static int introduce(const struct gateway_thread *thread)
{
    PyObject *threading = PyImport_ImportModule("threading");
    int result = threading != NULL ? enter_threading(threading, thread->is_main) : -1;

    if (result == 0 && !thread->is_main &&
        (inherit_hook(threading, "gettrace", "settrace") < 0 ||
         inherit_hook(threading, "getprofile", "setprofile") < 0))
        result = -1;
    Py_XDECREF(threading);
    return result;
}

/* Gives the calling thread its state: the GIL is held afterwards. Returns false without memory. */
static bool attach(struct gateway_thread *thread)
{
    struct gateway *gateway = thread->gateway;

    thread->is_main = pthread_equal(gateway->main_thread, pthread_self());
    thread->state = thread->is_main ? gateway->main_state : PyThreadState_New(PyInterpreterState_Main());
    if (thread->state == NULL)
        return false;
    if (!thread->is_main)
        pthread_sigmask(SIG_SETMASK, &gateway->signal_mask, NULL);
    runtime_enter(thread->state);
    return true;
}

/* The opposite, with the GIL held before and gone afterwards. */
static void detach(struct gateway_thread *thread)
{
    if (thread->is_main) {
        thread->gateway->main_state = runtime_leave();
        return;
    }
    PyThreadState_Clear(thread->state);
    PyThreadState_DeleteCurrent();
}

/* The application is told that its worker starts. Returns false after logging why it may not. */
static bool begin_worker(const struct gateway_thread *thread)
{
    struct gateway *gateway = thread->gateway;
    bool may_start;

    if (!thread->is_main)
        return true;
    gateway->has_begun = true;
    may_start = !gateway->has_fork_failed && clutch_hooks_run(gateway, CLUTCH_ON_WORKER_START) == 0;
    log_streams_flush(&gateway->streams);
    return may_start;
}

static void enter_list(struct gateway_thread *thread)
{
    thread->interrupt.ident = PyThread_get_thread_ident();
    thread->next = thread->gateway->threads;
    thread->gateway->threads = thread;
}

static void leave_list(struct gateway_thread *thread)
{
    struct gateway_thread **link = &thread->gateway->threads;

    while (*link != thread)
        link = &(*link)->next;
    *link = thread->next;
}

struct gateway_thread *app_thread_start(struct gateway *gateway)
{
    struct gateway_thread *thread = calloc(1, sizeof(*thread));

    if (thread == NULL)
        goto no_memory;
    thread->gateway = gateway;
    if (!attach(thread))
        goto no_memory;
    if (introduce(thread) == 0 && wsgi_init(thread) == 0 &&
        (!thread->is_main || (python_stacks_open(&gateway->stacks) == 0 && interrupt_open(gateway) == 0)) &&
        begin_worker(thread)) {
        enter_list(thread);
        own_thread = thread;
        thread->state = runtime_leave();
        return thread;
    }
    errors_log(&gateway->errors, "an app thread cannot be set up");
    wsgi_fini(thread);
    detach(thread);
    free(thread);
    return NULL;
no_memory:
    log_error("an app thread cannot be set up: out of memory");
    free(thread);
    return NULL;
}

void app_thread_stop(struct gateway_thread *thread)
{
    runtime_enter(thread->state);
    own_thread = NULL;
    leave_list(thread);
    wsgi_fini(thread);
    detach(thread);
    free(thread);
}
