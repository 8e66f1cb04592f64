/* SPDX-License-Identifier: MIT
 * The module clutch.metrics: Counter, Gauge and Histogram as in prometheus_client, kept in the arena that all processes
 * of the server share (app_metrics.h). All of it requires the GIL. */
#ifndef CLUTCH_CLUTCH_METRICS_H
#define CLUTCH_CLUTCH_METRICS_H

#include "python_api.h"

#include "attrs.h"

struct app_metrics;

/* Makes the module and adds it to its parent. Returns 0, or -1 with an exception. */
int clutch_metrics_add(PyObject *parent) MUST_CHECK;

/* The arena, with a seat for this process: the server's, or one of this process's own where there is none. NULL with a
 * MemoryError. */
struct app_metrics *clutch_metrics_arena(void);

/* That arena, or NULL when nobody has asked for it yet. */
struct app_metrics *clutch_metrics_used_arena(void);

/* This process was forked by one that may have a seat. */
void clutch_metrics_adopt(void);

/* The process ends. */
void clutch_metrics_fini(void);

/* Counts a series that found no room; the first time the log is told, for which the GIL is given up. */
void clutch_metrics_note_dropped(const char *name);

#endif
