/* SPDX-License-Identifier: MIT
 * Told at the start: who is believed what he says of his client, when those are more than the default's. */
#ifndef CLUTCH_TRUST_H
#define CLUTCH_TRUST_H

#include <stddef.h>

struct config;
struct listener;

/* Logs the peers of --forwarded-allow-ips and what they are believed, unless both are no more than by default: loopback
 * and unix sockets, X-Forwarded-For and -Proto. Warns for each listener at which others than local ones can connect and
 * all of them are believed. For the master, once the listeners are open. */
void trust_announce(const struct config *, const struct listener *listeners, size_t count);

#endif
