/* SPDX-License-Identifier: MIT
 * Opening the log files again at SIGUSR1, as logrotate wants it. The master alone opens them, as it did at the start:
 * with its rights, outside of any sandbox, relative to --chdir. The children get copies over their channels, and put
 * them under the old numbers, so a line is written whole either to the old file or to the new one. */
#ifndef CLUTCH_LOG_REOPEN_H
#define CLUTCH_LOG_REOPEN_H

#include <stdint.h>

struct inherit;
struct master;
struct notice_logs;

/* Master: opens --error-logfile and --access-logfile again where they are regular files, and gives them to all
 * children. A file that cannot be opened leaves the old one in use; all of it is logged. Never waits. */
void log_reopen(struct master *);

/* Master: a child whose channel was full is tried again. When that is due (SLOT_NEVER), and the attempt. */
int64_t log_reopen_next_us(const struct master *);
void log_reopen_step(struct master *);

/* Child: puts the files that have come in place of the old ones. Takes the descriptors. */
void log_reopen_take(const struct inherit *, struct notice_logs *);

#endif
