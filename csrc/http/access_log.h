/* SPDX-License-Identifier: MIT
 * The access log: one line for every answered request, in one write. A format is compiled once into a list of fields.
 * No Python; no lock for a file. */
#ifndef CLUTCH_ACCESS_LOG_H
#define CLUTCH_ACCESS_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "attrs.h"
#include "exchange.h"
#include "h1_exchange.h"

struct access_log;
struct log_syslog;

/* What a line says of the server rather than of the request. */
struct access_log_place {
    pid_t pid;
    int worker;               /* number of the worker, from 1 */
    uint64_t worker_requests; /* served by this worker so far, this one included */
    uint64_t all_requests;    /* served by all workers so far */
    int core;                 /* app thread in the worker, from 0 */
};

/* `format` is combined, common, uwsgi, json, otel, or a text with %(name)s fields:
 *   h remote address, l '-', u user, t time, r request line, m method, U path, q query, H protocol, s status, B bytes,
 * b bytes or '-', f referer, a user agent, T seconds, D microseconds, M milliseconds, L decimal seconds, p <pid>,
 * worker, thread (app thread in the worker, from 0), request_id, trace_id, span_id (of traceparent), {name}i request
 * field, {name}o response field, {NAME}e CGI variable, and in microseconds arrived (when the request had arrived, since
 * 1970), queue (waiting for a free worker), gil (waiting for the GIL), app (in the application), write (in writing).
 * Returns a log owned by the caller, or NULL after writing to `error` what is wrong. `fd` is borrowed. */
struct access_log *access_log_new(const char *format, int fd, char *error, size_t size) MUST_CHECK;
void access_log_free(struct access_log *);

/* Whether lines say how long requests waited: then ask the kernel for arrival times (h1_settings.wants_arrival_times).
 */
bool access_log_shows_queue(const struct access_log *);

/* Lines go there instead of the descriptor, unless it is NULL. Borrowed. */
void access_log_use_syslog(struct access_log *, struct log_syslog *);

/* Writes a line of at most 4096 bytes, cut where a client's bytes are longer. Never fails towards the caller. */
void access_log_write(struct access_log *, const struct exchange *, const struct h1_summary *,
                      const struct access_log_place *);

#endif
