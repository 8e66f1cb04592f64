/* SPDX-License-Identifier: MIT
 * Lines to syslog: datagrams to a unix socket, as syslog(3) writes them, or by UDP (RFC 5424, RFC 5426). Nothing here
 * waits: a line that nobody takes is lost, counted, and told of when one is taken again. */
#ifndef CLUTCH_LOG_SYSLOG_H
#define CLUTCH_LOG_SYSLOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "attrs.h"
#include "log.h"
#include "slice.h"

enum { LOG_SYSLOG_TAG_BYTES = 49, LOG_SYSLOG_HOST_BYTES = 256 };

/* Where to, and what the lines say of their sender. */
struct log_syslog {
    struct sockaddr_storage address;
    socklen_t address_bytes;
    bool is_rfc5424;
    int facility;
    char tag[LOG_SYSLOG_TAG_BYTES];
    char host[LOG_SYSLOG_HOST_BYTES];
    const char *name;             /* as it was given; borrowed */
    _Atomic(int) fd;              /* of this process; -1: none yet */
    _Atomic(uint32_t) lost_lines; /* of this process */
    _Atomic(int64_t) told_us;     /* when they were last told of */
};

/* Whether the value of --error-logfile or --access-logfile means syslog: it begins with "syslog:". */
bool log_syslog_is_meant(const char *text);

/* Reads "syslog:[ADDRESS][,facility=NAME][,tag=TEXT][,format=bsd|rfc5424]". ADDRESS is a path (with unix: before it or
 * not), by default /dev/log, or HOST:PORT. By default the facility is daemon, the tag clutch, and the format bsd for a
 * path and rfc5424 for a host. Borrows the text. Returns 0, or -1 after writing to `error` (size bytes) what is wrong.
 */
int log_syslog_parse(struct log_syslog *, const char *text, char *error, size_t size) MUST_CHECK;

/* Makes the socket, for this process and those that it forks. Returns 0; or -errno when nobody is there now: lines are
 * tried all the same. */
int log_syslog_open(struct log_syslog *) MUST_CHECK;
void log_syslog_close(struct log_syslog *);

/* Sends one message: whole, as a record cut short is no JSON any more; or 8 KiB of it, when it is more than a datagram
 * can have. From any thread. */
void log_syslog_send(struct log_syslog *, enum log_level, struct slice text);

/* The same for each of some lines. */
void log_syslog_send_lines(struct log_syslog *, enum log_level, struct slice lines);

#endif
