/* SPDX-License-Identifier: MIT
 * What every child of the master does first, whatever it is going to be. */
#ifndef CLUTCH_CHILD_H
#define CLUTCH_CHILD_H

#include "attrs.h"
#include "inherit.h"

/* The exit status of a child, and of the server, when the application could not be loaded. */
enum { CHILD_EXIT_APP = 3 };

/* Takes on signal dispositions, privileges and the sandbox and names the process, "worker 3" or "zygote". Ends the
 * process after logging if the privileges cannot be dropped or the sandbox not entered. */
void child_enter(const struct inherit *, const struct birth *);

/* Names the process for logs, ps and top. */
void child_set_name(int number);

#endif
