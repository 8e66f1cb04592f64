/* SPDX-License-Identifier: MIT
 * How long a process may wait for somebody else, all in all: a tenth of the time that goes by, of which it saves up to
 * a second. One who stands still costs a second once, one who is slow a tenth of the time. */
#ifndef CLUTCH_PATIENCE_H
#define CLUTCH_PATIENCE_H

#include <stdatomic.h>
#include <stdint.h>

enum { PATIENCE_MOST_US = 1000000, PATIENCE_SHARE = 10 };

/* All zero: a second saved. For any number of threads, of one process. */
struct patience {
    _Atomic(int64_t) since_us; /* the waiting allowed since then has not been used */
};

/* How much may be waited now, in microseconds; 0 or less: nothing. `now_us` is of clock_now_us(). */
int64_t patience_left_us(const struct patience *, int64_t now_us);

/* So much has been waited, up to `now_us`. Threads that waited at the same time may use more than there was; it is then
 * owed. */
void patience_use(struct patience *, int64_t now_us, int64_t waited_us);

#endif
