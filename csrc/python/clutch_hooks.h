/* SPDX-License-Identifier: MIT
 * What the application wants to be done at the turns of a process's life: @clutch.on_worker_start and the like. The
 * lists are the process's; a forked worker has those of the zygote. All of it requires the GIL; hooks run on the main
 * thread. */
#ifndef CLUTCH_CLUTCH_HOOKS_H
#define CLUTCH_CLUTCH_HOOKS_H

#include "python_api.h"

#include "attrs.h"

struct gateway;

enum clutch_hook {
    CLUTCH_ON_WORKER_START, /* the application is loaded; an exception ends the worker's start */
    CLUTCH_ON_READY,        /* the worker serves */
    CLUTCH_ON_WORKER_STOP,  /* all is answered, the interpreter about to end; the latest first */
    CLUTCH_BEFORE_FORK,     /* in the zygote, before each fork; the latest first */
    CLUTCH_AFTER_FORK,      /* in the worker that it forked; an exception ends the worker's start */
    CLUTCH_HOOK_COUNT
};

/* Adds the decorators to the module. Returns 0, or -1 with an exception. */
int clutch_hooks_add(PyObject *module) MUST_CHECK;

/* Adds a function to a list. Returns 0, or -1 with an exception: it is not callable. */
int clutch_hooks_register(enum clutch_hook, PyObject *function) MUST_CHECK;

/* Calls the functions of a list; a failure is logged with its traceback. The first one ends the calls when the hook can
 * end the worker's start. Returns 0, or -1 when there was one. */
int clutch_hooks_run(struct gateway *, enum clutch_hook);

void clutch_hooks_fini(void);

#endif
