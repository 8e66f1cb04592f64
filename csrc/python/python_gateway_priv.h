/* SPDX-License-Identifier: MIT
 * The state of the embedded interpreter and of one app thread: what the files of this folder share. */
#ifndef CLUTCH_PYTHON_GATEWAY_PRIV_H
#define CLUTCH_PYTHON_GATEWAY_PRIV_H

#include "python_api.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "errors.h"
#include "gateway.h"
#include "interrupt.h"
#include "log_stream.h"
#include "names.h"
#include "signals.h"
#include "python_stacks.h"
#include "watchdog.h"
#include "wsgi_callable.h"
#include "wsgi_environ.h"
#include "wsgi_file.h"
#include "wsgi_input.h"
#include "wsgi_response.h"

/* Every PyObject pointer here is owned and guarded by the GIL. */
struct gateway {
    const struct config *config; /* borrowed */
    struct gateway_place place;
    pthread_t main_thread;     /* called start */
    sigset_t signal_mask;      /* of the main thread: that of all app threads */
    PyThreadState *main_state; /* its state while it is outside of Python */
    _Atomic(int) gil_waiters;  /* app threads that wait for the GIL; not counted when there is only one */
    struct names names;
    struct errors errors;
    struct log_streams streams;
    struct signals signals;
    struct python_stacks stacks;
    struct watchdog watchdog;
    struct gateway_thread *threads; /* list; with the GIL */
    PyObject *request_timeout;      /* clutch.RequestTimeout */
    struct wsgi_files files;
    PyObject *app;
    PyObject *early_hints;   /* wsgi.early_hints */
    bool has_begun;          /* @clutch.on_worker_start has run */
    bool has_fork_failed;    /* @clutch.after_fork has */
    bool has_warned_bytes;   /* of an application that returns bytes */
    bool has_warned_surplus; /* of a body longer than its Content-Length */
};

struct gateway_thread {
    struct gateway *gateway;     /* borrowed */
    struct gateway_thread *next; /* gateway->threads */
    struct interrupt interrupt;
    PyThreadState *state; /* while the thread is outside of Python */
    bool is_main;
    struct wsgi_response response;
    struct wsgi_callables callables;
    struct wsgi_inputs inputs;
    struct wsgi_environ environ;
};

#endif
