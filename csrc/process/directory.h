/* SPDX-License-Identifier: MIT
 * The directory that an application runs in: that of the start, or --chdir. Where its name is a link to the current
 * release of an application, a reload is to follow it; the master itself stays where it is. */
#ifndef CLUTCH_DIRECTORY_H
#define CLUTCH_DIRECTORY_H

#include "attrs.h"

struct config;
struct launch;

/* Looks the directory up anew, by its name. A descriptor for directory_enter, the caller's to close; or -errno where
 * --chdir leads nowhere now. A directory of the start that has gone is that of this process still. */
int directory_open(const struct config *, const struct launch *) MUST_CHECK;

/* A child: makes it the current one. -1: stays. Ends the process after logging when it may not be entered. */
void directory_enter(int fd);

#endif
