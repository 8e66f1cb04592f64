/* SPDX-License-Identifier: MIT
 * The server's view of the world in h1_conn_fuzz: time stands still until the script moves it, and whenever the server
 * would wait, the script goes on instead. The linker puts these in the place of the functions of the same names
 * (--wrap): clock_now_us, epoll_wait, poll, log_write. */
#ifndef CLUTCH_FUZZ_WRAPS_H
#define CLUTCH_FUZZ_WRAPS_H

#include <stdbool.h>

/* What happens while the server waits for events. Set for as long as a script runs, else NULL: then all waits are real.
 */
extern void (*wraps_on_wait)(void);

/* What happens while an application waits for its client. Returns false when nothing more will. */
extern bool (*wraps_on_blocked)(void);

/* Looks for events since the script began or last went on; a server that only looks spins. */
extern unsigned wraps_idle_looks;

#endif
