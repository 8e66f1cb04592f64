/* SPDX-License-Identifier: MIT
 * A worker whose master has died without telling it to end. Nobody is left to refuse new connections, nor to see to
 * --graceful-timeout. */
#ifndef CLUTCH_ORPHAN_H
#define CLUTCH_ORPHAN_H

struct inherit;

/* Worker, once it accepts no more: closes its copies of the listeners, so that with the last worker's the address is
 * free for the next start, and ends the process by force when --graceful-timeout is over. Logs it. Any thread. */
void orphan_begin(const struct inherit *);

#endif
