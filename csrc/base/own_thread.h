/* SPDX-License-Identifier: MIT
 * A thread of the server's own, beside those that run the application. */
#ifndef CLUTCH_OWN_THREAD_H
#define CLUTCH_OWN_THREAD_H

#include <pthread.h>
#include <stddef.h>

#include "attrs.h"

/* Starts run(context) on a stack of that size, in a thread that takes no signals: those are for the main thread. It is
 * shown as `name` (15 bytes at the most) by ps and top. 0, or -errno; the caller joins it. */
int own_thread_start(pthread_t *, const char *name, size_t stack_bytes, void *(*run)(void *context),
                     void *context) MUST_CHECK;

#endif
