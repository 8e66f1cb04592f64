/* SPDX-License-Identifier: MIT
 * Where Python's exceptions end: in the error log, with their tracebacks. */
#ifndef CLUTCH_ERRORS_H
#define CLUTCH_ERRORS_H

#include "python_api.h"

#include "attrs.h"

struct exchange;

/* What formatting an exception needs; made at the start so that nothing has to be imported when things go wrong. */
struct errors {
    PyObject *format_exception; /* owned: traceback.format_exception */
};

/* Requires the GIL. Returns 0, or -1 with an exception. */
int errors_init(struct errors *) MUST_CHECK;
void errors_fini(struct errors *);

/* Takes the current exception, an instance with its traceback attached, and puts one back (taking the reference).
 * Require the GIL. errors_take returns a new reference, or NULL when there is none. */
PyObject *errors_take(void);
void errors_restore(PyObject *exception);

/* Logs "<what>: ValueError: ..." and the whole traceback, indented below, and clears the exception; logs nothing when
 * none is set. Any exception will do: SystemExit and KeyboardInterrupt end nothing here, and one that cannot be shown
 * is named by its type. Requires the GIL, and gives it up while the log is written. */
void errors_log(const struct errors *, const char *format, ...) PRINTF_LIKE(2, 3);

/* The same for an exception that reached the gateway from the application: what = "GET /path", with the
 * request's id behind it if it has one. */
void errors_log_request(const struct errors *, const struct exchange *);

/* Method and target of a request for a log line, and its id if it has one: escaped, cut. `size`: 512 or more. */
void errors_describe_request(const struct exchange *, char *out, size_t size);

#endif
