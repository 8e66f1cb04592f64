/* SPDX-License-Identifier: MIT
 * Blocks that a metric watches: `with histogram.time():`, `@gauge.track_inprogress()`. All of it requires the GIL. */
#ifndef CLUTCH_CLUTCH_METRIC_GUARD_H
#define CLUTCH_CLUTCH_METRIC_GUARD_H

#include "python_api.h"

#include "attrs.h"

enum clutch_guard_what {
    CLUTCH_GUARD_TIME,       /* its seconds are observed by a histogram, set in a gauge */
    CLUTCH_GUARD_PROGRESS,   /* a gauge is 1 more meanwhile */
    CLUTCH_GUARD_EXCEPTIONS, /* a counter counts those of a class that leave it */
};

/* Makes the type, and what decorates. Returns 0, or -1 with an exception. */
int clutch_metric_guard_init(void) MUST_CHECK;

/* A context manager and decorator. `exception` is the class, or a tuple of them; else NULL. New reference or NULL. */
PyObject *clutch_metric_guard(PyObject *metric, enum clutch_guard_what, PyObject *exception) MUST_CHECK;

#endif
