/* SPDX-License-Identifier: MIT
 * Time. Durations and deadlines use the monotonic clock only. */
#ifndef CLUTCH_CLOCK_H
#define CLUTCH_CLOCK_H

#include <stdint.h>

enum { CLOCK_HTTP_DATE_BYTES = 29 };

/* Microseconds since some fixed moment (CLOCK_MONOTONIC); never goes back. */
int64_t clock_now_us(void);

/* Microseconds since 1970 (CLOCK_REALTIME); may jump. */
int64_t clock_wall_us(void);

/* The current time as an IMF-fixdate (RFC 9110 5.6.7), CLOCK_HTTP_DATE_BYTES long, without NUL. Cached for the second;
 * the storage is the calling thread's and valid until its next call. */
const char *clock_http_date(void);

#endif
