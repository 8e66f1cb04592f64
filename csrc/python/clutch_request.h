/* SPDX-License-Identifier: MIT
 * What an application can ask about, and do for, the request that the calling thread runs: clutch.request_timings(),
 * clutch.early_hints(). They cost a request that does not use them nothing. */
#ifndef CLUTCH_CLUTCH_REQUEST_H
#define CLUTCH_CLUTCH_REQUEST_H

#include "python_api.h"

#include "attrs.h"

/* Adds both to the module. Requires the GIL. Returns 0, or -1 with an exception. */
int clutch_request_add(PyObject *module) MUST_CHECK;

#endif
