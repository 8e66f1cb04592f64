/* SPDX-License-Identifier: MIT
 * A process whose master has died without telling it to end. Nobody is left to refuse new connections, nor to see to
 * --graceful-timeout. */
#ifndef CLUTCH_ORPHAN_H
#define CLUTCH_ORPHAN_H

#include <stdbool.h>
#include <stdint.h>

struct inherit;

/* Worker, once it accepts no more: closes its copies of the listeners, so that with the last worker's the address is
 * free for the next start, and ends the process by force when --graceful-timeout is over. Logs it. Any thread. */
void orphan_begin(const struct inherit *);

/* Has the kernel kill this process when so much time is over, unless it has ended by itself. False when it cannot. */
bool orphan_end_after(int64_t timeout_ms);

#endif
