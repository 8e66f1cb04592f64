/* SPDX-License-Identifier: MIT
 * clutch.RequestTimeout, raised in the middle of a request whose time is over, and nowhere else: not in the next
 * request of the thread, nor in Python code that the server runs for itself. On the main thread by a signal with a
 * handler in Python's sense, which ends waits as well; on another thread as an asynchronous exception, which Python
 * raises once the thread runs bytecode again. */
#ifndef CLUTCH_INTERRUPT_H
#define CLUTCH_INTERRUPT_H

#include "python_api.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "attrs.h"

struct gateway;
struct gateway_thread;

/* Of an app thread. */
struct interrupt {
    _Atomic(uint64_t) running; /* number of the request whose application runs; 0: none. Stored with the GIL */
    _Atomic(uint64_t) wanted;  /* number of the request that is to be interrupted */
    uint64_t raised;           /* that has been; guarded by the GIL */
    unsigned long ident;       /* of the thread, for Python */
};

/* Main app thread, with the GIL, once: takes the signal. Returns 0, or -1 with an exception. */
int interrupt_open(const struct gateway *) MUST_CHECK;

/* gateway_ops.interrupt. */
void interrupt_ask(struct gateway_thread *, uint64_t number);

/* For the watchdog, with the GIL: raises what is wanted on other threads than the main one. */
void interrupt_raise(const struct gateway *);

/* With an exception, in the thread and the request that has it: whether that is what the server has raised, and not an
 * application that raises the same. The log has all of it already. */
bool interrupt_is_raised(const struct gateway_thread *);

/* The application is entered, and left. By the app thread, with the GIL. */
static inline void interrupt_begin(struct interrupt *interrupt, uint64_t number)
{
    atomic_store_explicit(&interrupt->running, number, memory_order_relaxed);
}
/* Whether the time of that request was over before; asked with the GIL, before interrupt_begin. */
static inline bool interrupt_is_wanted(const struct interrupt *interrupt, uint64_t number)
{
    return atomic_load_explicit(&interrupt->wanted, memory_order_relaxed) == number;
}
void interrupt_forget(const struct interrupt *);
static inline void interrupt_end(struct interrupt *interrupt)
{
    atomic_store_explicit(&interrupt->running, 0, memory_order_relaxed);
    if (UNLIKELY(interrupt->raised != 0))
        interrupt_forget(interrupt);
}

#endif
