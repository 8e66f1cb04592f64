/* SPDX-License-Identifier: MIT
 * One of the monitor's servers: HTTP/1.1 at some addresses, answered by one thread. */
#ifndef CLUTCH_MONITOR_SERVICE_H
#define CLUTCH_MONITOR_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "attrs.h"

struct exchange;
struct listener;

/* All of it is borrowed. */
struct monitor_service {
    const struct listener *listeners;
    size_t listener_count;
    int control_fd;                 /* readable: it is to end */
    void *context;                  /* of the functions: */
    bool (*goes_on)(void *context); /* is asked that before; NULL: it is */
    void (*serve)(void *context, struct exchange *);
    bool (*is_welcome)(void *context, int fd); /* whether whoever has just connected may ask; NULL: everybody */
};

/* Serves until it is told to end. 0, or -1 after logging why it could not begin. */
int monitor_service_run(const struct monitor_service *) MUST_CHECK;

#endif
