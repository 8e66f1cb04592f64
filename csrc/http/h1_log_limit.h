/* SPDX-License-Identifier: MIT
 * Keeps clients that err from flooding the log: so many lines a second, and then how many were left out. From any
 * thread. */
#ifndef CLUTCH_H1_LOG_LIMIT_H
#define CLUTCH_H1_LOG_LIMIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "log.h"

enum { H1_LOG_LIMIT_LINES = 20, H1_LOG_LIMIT_PERIOD_US = 1000000 };

struct h1_log_limit {
    pthread_mutex_t lock;
    int64_t began_us; /* of the period that counts; 0: there was none */
    unsigned lines;   /* in it */
    uint64_t left_out;
};

void h1_log_limit_init(struct h1_log_limit *);

/* Whether one more line may be written now; else it counts as left out. *left_out: how many were left out in a period
 * that is over, to be told before it; 0 most of the time. */
bool h1_log_limit_allows(struct h1_log_limit *, int64_t now_us, uint64_t *left_out);

/* Whether some have been left out and not been told of. */
bool h1_log_limit_has_more(struct h1_log_limit *);

/* Returns how many, and begins to count anew. */
uint64_t h1_log_limit_take(struct h1_log_limit *);

/* The same for all other lines that clients can bring about, such as those about a full disk: one limit for the whole
 * process, which goes by the clock. Whoever may write one more is told how many were left out before by a line. */
bool h1_log_limit_allows_event(void);
bool h1_log_limit_has_more_events(void);
/* Tells how many such lines have been left out, if any. */
void h1_log_limit_tell_events(void);

#define H1_LOG_EVENT(level, ...)                                                                                       \
    (log_is_enabled(level) && h1_log_limit_allows_event() ? log_write(level, __VA_ARGS__) : (void)0)

#endif
