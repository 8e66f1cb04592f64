/* SPDX-License-Identifier: MIT
 * Descriptors 0, 1 and 2 belong to standard input, output and error, whatever the application closes: a socket that
 * took the number of one of them would get what is printed and logged. Runs in workers, on any thread. */
#ifndef CLUTCH_STANDARD_FDS_H
#define CLUTCH_STANDARD_FDS_H

#include "attrs.h"

/* For a descriptor just opened: itself, or, when it has a standard number, its copy above them; the number is then
 * given back to what it stands for (standard_fds_restore). Without a free descriptor it stays what it is. No system
 * call unless something was closed. */
int standard_fds_stay_clear(int fd);

/* Opens again what is closed of the three: output and error are those of the parent, where that can be had, else they
 * lead nowhere; as does input. Logs what was done. Does nothing while it is running already. */
void standard_fds_restore(void);

#endif
