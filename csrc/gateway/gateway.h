/* SPDX-License-Identifier: MIT
 * The seam between the server and whatever runs applications. python/ implements it for WSGI; the tests implement it
 * without an interpreter; another protocol to the application is another table. Only main.c names a concrete gateway.
 *
 * Between two calls the gateway holds no lock of its runtime (the GIL is released whenever the server's code runs). */
#ifndef CLUTCH_GATEWAY_H
#define CLUTCH_GATEWAY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "attrs.h"

struct app_metrics;
struct config;
struct exchange;
struct gateway;        /* the runtime and the application of one process */
struct gateway_thread; /* what one app thread needs of it */

/* Who this process is; filled by process/, itself constant for the life of the worker. */
struct gateway_place {
    int worker;                           /* 1.. ; 0 in the zygote */
    int thread_count;                     /* app threads in this worker */
    uint64_t generation;                  /* 1 for the first set of workers */
    const _Atomic(int32_t) *worker_count; /* that the server is to have now; others change it. Borrowed */
    struct app_metrics *app_metrics;      /* the application's own, shared by all processes; NULL: none. Borrowed */
    /* Asks for a reload in the application's name: 0 or -errno. From any thread, never waits. NULL: not here. */
    int (*ask_reload)(void *context);
    void *context;
};

struct gateway_ops {
    const char *name; /* "wsgi" */

    /* Describes the runtime for --version and the start-up lines: "CPython 3.11.7". Static storage; starts nothing. */
    const char *(*version)(void);

    /* Looks for mistakes that can be told without starting the runtime (a virtual environment of another Python
     * version). Returns 0, or -1 after logging what is wrong. Called in the master before the first fork. */
    int (*check)(const struct config *config) MUST_CHECK;

    /* Starts the runtime in this process and loads the application. Called once, in a worker or in the zygote, by the
     * thread that becomes the main app thread. Returns a gateway owned by the caller (end it with stop), or NULL after
     * logging why, with the application's own traceback. */
    struct gateway *(*start)(const struct config *config, const struct gateway_place *place)MUST_CHECK;

    /* Zygote only. freeze: collect garbage and make what is left exempt from collection, warn of what does not survive
     * a fork. Then around every fork, by the thread that called start: before_fork, and afterwards one of the two
     * others. */
    void (*freeze)(struct gateway *);
    void (*before_fork)(struct gateway *);
    void (*after_fork_parent)(struct gateway *);
    void (*after_fork_child)(struct gateway *, const struct gateway_place *place);

    /* Worker. Attaches the calling thread; the first call must come from the thread that called start (in a worker
     * forked by the zygote: the thread that forked) and tells the application that a worker starts. Returns NULL after
     * logging why. */
    struct gateway_thread *(*start_thread)(struct gateway *)MUST_CHECK;
    void (*stop_thread)(struct gateway_thread *);

    /* Worker: it serves from now on, and its other app threads may do so already. By the main app thread, before its
     * own first request. May be NULL. */
    void (*ready)(struct gateway *);

    /* Runs the application on one complete request and leaves its response in the exchange: sent, or buffered to be
     * sent by the caller. Never fails towards the caller: an exception is logged and becomes a 500 or a cut-off
     * response. */
    void (*serve)(struct gateway_thread *, struct exchange *);

    /* How many app threads wait for the lock of the runtime (the GIL) at this moment. From any thread, without it;
     * never waits. A request taken while there are some would wait as well. */
    int (*gil_waiters)(const struct gateway *);

    /* A descriptor that becomes readable when the application's own signal handlers have to run, or -1; and the call
     * that empties it and runs them (main app thread). */
    int (*signal_fd)(const struct gateway *);
    void (*run_signal_handlers)(struct gateway *);

    /* The time of the request with this number (exchange->number) is over, and it has been answered: interrupts the
     * application if this thread still runs it. By whoever drives the loop, without the lock of the runtime; never
     * waits, promises nothing, may be repeated. May be NULL. */
    void (*interrupt)(struct gateway_thread *, uint64_t number);

    /* The stacks of all threads of the runtime, as text that comes out of a descriptor (non-blocking; -1: none comes).
     * All of this by whoever drives the loop, without the lock of the runtime; never waits. May be NULL, all of them.
     * ask: starts a dump, as soon as the lock can be had; `at_once`: in the middle of whatever the main app thread
     * does. is_done: the dump is complete with what is in the descriptor now, which becomes readable once more after
     * that; the next may be asked for. drop: gives it up; false when it is just being written. */
    int (*stacks_fd)(const struct gateway *);
    void (*stacks_ask)(struct gateway *, bool at_once);
    bool (*stacks_is_done)(struct gateway *);
    bool (*stacks_drop)(struct gateway *);

    /* Ends the runtime: waits for the application's threads, runs its exit handlers, flushes its output; frees the
     * gateway. */
    void (*stop)(struct gateway *);
};

#endif
