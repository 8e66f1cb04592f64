/* SPDX-License-Identifier: MIT
 * One message to a service manager, as sd_notify(3) describes it: text in a datagram to the socket that NOTIFY_SOCKET
 * names. */
#ifndef CLUTCH_SD_NOTIFY_H
#define CLUTCH_SD_NOTIFY_H

#include "attrs.h"

/* Sends lines parted by '\n' to the socket at `path` (an absolute path, or @NAME for an abstract socket). Never waits.
 * 0 or -errno; -EINVAL: the path is none of them. */
int sd_notify_send(const char *path, const char *text) MUST_CHECK;

#endif
