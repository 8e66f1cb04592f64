/* SPDX-License-Identifier: MIT
 * Connections that wait in the kernel to be accepted, and those that it turned away. */
#ifndef CLUTCH_LISTEN_QUEUE_H
#define CLUTCH_LISTEN_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "attrs.h"

/* Of a listening TCP socket: how many wait, and how many may. False for any other socket. */
bool listen_queue_read(int fd, uint32_t *waiting, uint32_t *most) MUST_CHECK;

/* Of this network namespace, and so of everybody in it: connections for which some queue had no room, and connections
 * that were dropped for this or another reason. False when the kernel does not say. */
bool listen_queue_read_overflows(uint64_t *overflows, uint64_t *drops) MUST_CHECK;

#endif
