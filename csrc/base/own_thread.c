/* SPDX-License-Identifier: MIT */
#include "own_thread.h"

#include <signal.h>

int own_thread_start(pthread_t *thread, const char *name, size_t stack_bytes, void *(*run)(void *context),
                     void *context)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_bytes);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(thread, &attributes, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (failed == 0)
        pthread_setname_np(*thread, name);
    return -failed;
}
