/* SPDX-License-Identifier: MIT
 * What every child of the master does first, whatever it is going to be. */
#ifndef CLUTCH_CHILD_H
#define CLUTCH_CHILD_H

#include "attrs.h"
#include "inherit.h"

/* The exit status of a child, and of the server, when the application could not be loaded. */
enum { CHILD_EXIT_APP = 3 };

/* Takes on signal dispositions, privileges and the sandbox and names the process, "worker 3", "zygote" or "monitor".
 * Ends the process after logging if the privileges cannot be dropped or the sandbox not entered. */
void child_enter(const struct inherit *, const struct birth *);

/* The same for a worker that was forked by the zygote, which has entered before: names it, and parts it from the other
 * processes in the sandbox. Before the gateway's after_fork_child, which may start threads of the application's. */
void child_hatch(const struct inherit *, const struct birth *);

/* While a child loads the application it does not look at its channel: until child_untie it is killed when the master
 * dies, lest it keep the listeners. After child_enter: a change of user undoes it. */
void child_tie(const struct birth *);
void child_untie(void);

#endif
