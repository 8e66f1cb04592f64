/* SPDX-License-Identifier: MIT
 * `import clutch`: a module that exists in the processes of the server alone, the zygote included. */
#ifndef CLUTCH_CLUTCH_MODULE_H
#define CLUTCH_CLUTCH_MODULE_H

#include "python_api.h"

#include "attrs.h"

struct gateway;

/* Makes the module known to the interpreter that is to start, for this gateway (borrowed until the process ends).
 * Returns 0, or -1 without memory. */
int clutch_module_register(struct gateway *) MUST_CHECK;

/* The gateway of this process. */
struct gateway *clutch_module_gateway(void);

/* What the gateway itself needs of the module. Requires the GIL. New reference, or NULL with an exception. */
PyObject *clutch_module_get(const char *name) MUST_CHECK;

/* The end of the process is near: drops what the application has registered. Requires the GIL. */
void clutch_module_fini(void);

#endif
