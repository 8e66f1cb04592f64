/* SPDX-License-Identifier: MIT
 * App threads as Python sees them: a thread state, an entry in threading, what a thread that Python had started itself
 * would have inherited. */
#ifndef CLUTCH_APP_THREAD_H
#define CLUTCH_APP_THREAD_H

#include "attrs.h"

struct gateway;
struct gateway_thread;

/* gateway_ops.start_thread: attaches the calling thread, which does not hold the GIL, before or after. Returns what the
 * caller ends with app_thread_stop(), or NULL after logging why. threading.current_thread() bears the name that the
 * thread has for the system (the main thread: MainThread); its signal mask becomes that of the main thread, because
 * processes that the application starts inherit it, and would not end when told if it were full. */
struct gateway_thread *app_thread_start(struct gateway *) MUST_CHECK;

/* That of the calling thread; NULL for a thread of the application's own. Requires the GIL. */
struct gateway_thread *app_thread_current(void);

/* gateway_ops.stop_thread, by the thread itself, without the GIL. Ends what the application kept in threading.local. */
void app_thread_stop(struct gateway_thread *);

#endif
