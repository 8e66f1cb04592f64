/* SPDX-License-Identifier: MIT
 * `import uwsgi` and `import uwsgidecorators` for applications that come from uWSGI, with --uwsgi-module alone:
 * libraries take the presence of such a module for uWSGI itself, and then use what clutch does not have. */
#ifndef CLUTCH_UWSGI_MODULE_H
#define CLUTCH_UWSGI_MODULE_H

#include "attrs.h"

/* Makes both known to the interpreter that is to start. The calling process is a child of the master. Returns 0, or -1
 * without memory. */
int uwsgi_module_register(void) MUST_CHECK;

#endif
