/* SPDX-License-Identifier: MIT */
#include "worker_threads.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"
#include "h1_server.h"
#include "log.h"

enum {
    STACK_BYTES = 8 << 20, /* as the main thread usually has: Python's limits of recursion reckon with it */
    NAME_BYTES = 16,       /* the kernel's limit */
};

struct worker_thread {
    struct worker_threads *threads; /* borrowed */
    int number;
    pthread_t id;
    struct gateway_thread *gateway_thread; /* owned; made and ended by the thread itself */
    struct h1_driver *driver;              /* owned */
};

struct worker_threads {
    const struct gateway_ops *ops;
    struct gateway *gateway;
    struct h1_server *server;
    pthread_barrier_t are_set_up, may_serve; /* all threads meet there */
    _Atomic(bool) has_failed;                /* some thread could not be set up */
    int count;
    struct worker_thread threads[];
};

/* --- One thread --- */

static bool set_up(struct worker_thread *thread)
{
    const struct worker_threads *threads = thread->threads;

    thread->gateway_thread = threads->ops->start_thread(threads->gateway);
    if (thread->gateway_thread == NULL)
        return false;
    thread->driver = h1_driver_new(threads->server, thread->number);
    if (thread->driver == NULL)
        log_error("not enough memory for app thread %d of %d (--threads)", thread->number + 1, threads->count);
    return thread->driver != NULL;
}

static void serve(const struct worker_thread *thread)
{
    const struct worker_threads *threads = thread->threads;
    struct exchange *exchange;

    while ((exchange = h1_server_next(threads->server, thread->driver)) != NULL) {
        threads->ops->serve(thread->gateway_thread, exchange);
        h1_server_finish(threads->server, thread->driver);
    }
}

static void *run(void *context)
{
    struct worker_thread *thread = context;
    struct worker_threads *threads = thread->threads;
    char name[NAME_BYTES];

    snprintf(name, sizeof(name), "clutch-app-%d", thread->number);
    pthread_setname_np(pthread_self(), name); /* first: the gateway may take the name over */
    if (!set_up(thread))
        atomic_store(&threads->has_failed, true);
    pthread_barrier_wait(&threads->are_set_up);
    pthread_barrier_wait(&threads->may_serve);
    serve(thread);
    threads->ops->stop_thread(thread->gateway_thread);
    return NULL;
}

/* --- All threads --- */

struct worker_threads *worker_threads_new(const struct gateway_ops *ops, struct gateway *gateway,
                                          struct h1_server *server, int count)
{
    struct worker_threads *threads = calloc(1, sizeof(*threads) + (size_t)count * sizeof(threads->threads[0]));

    if (threads == NULL) {
        log_error("not enough memory for %d app threads (--threads)", count);
        return NULL;
    }
    threads->ops = ops;
    threads->gateway = gateway;
    threads->server = server;
    threads->count = count;
    pthread_barrier_init(&threads->are_set_up, NULL, (unsigned)count);
    pthread_barrier_init(&threads->may_serve, NULL, (unsigned)count);
    for (int i = 0; i < count; i++)
        threads->threads[i] = (struct worker_thread){.threads = threads, .number = i};
    threads->threads[0].id = pthread_self();
    if (set_up(&threads->threads[0]))
        return threads;
    worker_threads_free(threads);
    return NULL;
}

unsigned long worker_threads_id(const struct worker_threads *threads, int thread)
{
    return (unsigned long)threads->threads[thread].id;
}

void worker_threads_interrupt(const struct worker_threads *threads, int thread, uint64_t request)
{
    if (threads->ops->interrupt != NULL)
        threads->ops->interrupt(threads->threads[thread].gateway_thread, request);
}

struct h1_driver *worker_threads_main_driver(const struct worker_threads *threads)
{
    return threads->threads[0].driver;
}

static int start_thread(struct worker_thread *thread)
{
    pthread_attr_t attributes;
    size_t stack_bytes = 0;
    int error;

    pthread_attr_init(&attributes);
    pthread_attr_getstacksize(&attributes, &stack_bytes);
    if (stack_bytes < STACK_BYTES)
        pthread_attr_setstacksize(&attributes, STACK_BYTES);
    error = pthread_create(&thread->id, &attributes, run, thread);
    pthread_attr_destroy(&attributes);
    if (error != 0)
        log_error("cannot start app thread %d of %d (--threads): %s; see ulimit -u and the limits of the container",
                  thread->number + 1, thread->threads->count, strerror(error));
    return error == 0 ? 0 : -1;
}

static int start_others(struct worker_threads *threads)
{
    for (int i = 1; i < threads->count; i++) {
        if (start_thread(&threads->threads[i]) < 0)
            return -1;
    }
    pthread_barrier_wait(&threads->are_set_up);
    return atomic_load(&threads->has_failed) ? -1 : 0;
}

static int start_sentry(struct worker_threads *threads)
{
    int result = h1_server_start_sentry(threads->server);

    if (result < 0)
        log_error("cannot start the thread that watches over the connections: %s", strerror(-result));
    return result;
}

int worker_threads_start(struct worker_threads *threads)
{
    sigset_t all, before;
    int result;

    /* Signals are for the main thread, which alone runs the application's handlers. A gateway may want them in its app
     * threads nevertheless, for what these start. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    result = start_sentry(threads) < 0 || start_others(threads) < 0 ? -1 : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

void worker_threads_serve(struct worker_threads *threads)
{
    pthread_barrier_wait(&threads->may_serve);
    if (threads->ops->ready != NULL)
        threads->ops->ready(threads->gateway);
    serve(&threads->threads[0]);
    for (int i = 1; i < threads->count; i++)
        pthread_join(threads->threads[i].id, NULL);
}

void worker_threads_free(struct worker_threads *threads)
{
    if (threads->threads[0].gateway_thread != NULL)
        threads->ops->stop_thread(threads->threads[0].gateway_thread);
    for (int i = 0; i < threads->count; i++)
        h1_driver_free(threads->threads[i].driver);
    pthread_barrier_destroy(&threads->are_set_up);
    pthread_barrier_destroy(&threads->may_serve);
    free(threads);
}
