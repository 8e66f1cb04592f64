/* SPDX-License-Identifier: MIT
 * State of one response. Runs on the app thread that serves the request, and on threads of the application that call
 * write(). */
#include "wsgi_response.h"

#include "clock.h"
#include "futex.h"
#include "runtime.h"
#include "stray.h"

enum { LOOK_INTERVAL_US = 1000000 };

/* A stretch of time without the GIL. */
struct absence {
    PyThreadState *state;
    int64_t written_before_us;
};

void wsgi_response_init(struct wsgi_response *response, struct gateway *gateway, _Atomic(int) *gil_waiters)
{
    *response = (struct wsgi_response){.gateway = gateway, .gil_waiters = gil_waiters};
}

void wsgi_response_begin(struct wsgi_response *response, struct exchange *exchange)
{
    response->exchange = exchange;
    response->is_started = response->has_head = response->is_over = response->is_gone = response->has_surplus = false;
    response->away_us = response->looked_us = 0;
}

/* Every store is made with the GIL, and every load but that of the kernel. */
static bool is_busy(const struct wsgi_response *response)
{
    return atomic_load_explicit(&response->is_busy, memory_order_relaxed) != 0;
}

bool wsgi_response_is_taken(const struct wsgi_response *response)
{
    return is_busy(response) || response->is_wanted;
}

void wsgi_response_settle(struct wsgi_response *response)
{
    stray_end_if_here(response->gateway);
    while (UNLIKELY(is_busy(response))) {
        PyThreadState *state;

        response->is_wanted = true;
        state = runtime_leave();
        futex_wait(&response->is_busy, 1, -1);
        runtime_enter(state);
        response->is_wanted = false;
    }
}

static void leave(struct wsgi_response *response, struct absence *absence)
{
    wsgi_response_settle(response);
    atomic_store_explicit(&response->is_busy, 1, memory_order_relaxed);
    absence->written_before_us = response->exchange->times.write_us;
    absence->state = runtime_leave();
    exchange_enter(response->exchange, EXCHANGE_WRITE);
}

/* The exchange has measured its part of the absence. */
static void come_back(struct wsgi_response *response, const struct absence *absence)
{
    struct exchange_times *times = &response->exchange->times;
    int64_t done_us = clock_now_us(), gil_wait_us;

    exchange_enter(response->exchange, EXCHANGE_GIL);
    runtime_enter_counted(absence->state, response->gil_waiters);
    exchange_enter(response->exchange, EXCHANGE_APP);
    atomic_store_explicit(&response->is_busy, 0, memory_order_relaxed);
    if (UNLIKELY(response->is_wanted))
        futex_wake(&response->is_busy);
    gil_wait_us = clock_now_us() - done_us;
    times->gil_wait_us += gil_wait_us;
    response->away_us += times->write_us - absence->written_before_us + gil_wait_us;
}

enum exchange_result wsgi_response_write(struct wsgi_response *response, const struct slice *blocks, size_t count,
                                         bool is_last)
{
    struct absence absence;
    enum exchange_result result;

    leave(response, &absence);
    result = exchange_write(response->exchange, blocks, count, is_last);
    come_back(response, &absence);
    response->looked_us = 0;
    response->is_gone = result == EXCHANGE_GONE;
    if (result != EXCHANGE_OK || is_last)
        response->is_over = true;
    return result;
}

enum exchange_result wsgi_response_write_file(struct wsgi_response *response, int fd, off_t offset, uint64_t length)
{
    struct absence absence;
    enum exchange_result result;

    leave(response, &absence);
    result = exchange_write_file(response->exchange, fd, offset, length);
    come_back(response, &absence);
    response->is_over = true;
    return result;
}

enum head_error wsgi_response_early_hints(struct wsgi_response *response, struct early_hints *hints)
{
    struct absence absence;
    enum head_error error;

    leave(response, &absence);
    error = exchange_early_hints(response->exchange, hints);
    come_back(response, &absence);
    return error;
}

void wsgi_response_look_for_client(struct wsgi_response *response)
{
    int64_t now_us = clock_now_us();

    if (response->looked_us == 0)
        response->looked_us = now_us;
    if (now_us - response->looked_us < LOOK_INTERVAL_US)
        return;
    response->looked_us = now_us;
    wsgi_response_settle(response);
    response->is_gone = exchange_is_client_gone(response->exchange);
    if (response->is_gone)
        response->exchange->is_given_up = response->is_over = true;
}

uint64_t wsgi_response_room(const struct wsgi_response *response)
{
    const struct exchange *exchange = response->exchange;

    if (!exchange->has_length)
        return UINT64_MAX;
    return exchange->declared_bytes > exchange->body_bytes ? exchange->declared_bytes - exchange->body_bytes : 0;
}

bool wsgi_response_needs_body(const struct wsgi_response *response)
{
    int status = response->exchange->status;

    return status != 204 && status != 205 && status != 304 &&
           !slice_equal(response->exchange->request->method, SLICE("HEAD"));
}

int wsgi_response_check_length(const struct wsgi_response *response, uint64_t more)
{
    unsigned long long declared = response->exchange->declared_bytes, given = response->exchange->body_bytes + more;

    if (LIKELY(!response->exchange->has_length || given >= declared) || !wsgi_response_needs_body(response))
        return 0;
    PyErr_Format(PyExc_ValueError, "the application declared Content-Length %llu, but its body has %llu bytes",
                 declared, given);
    return -1;
}

int wsgi_response_check_head(const struct wsgi_response *response)
{
    if (LIKELY(response->has_head))
        return 0;
    PyErr_SetString(PyExc_RuntimeError, response->is_started
                                            ? "the last start_response() had failed, and there is a body to send"
                                            : "the application sent a body without calling start_response()");
    return -1;
}
