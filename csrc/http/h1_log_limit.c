/* SPDX-License-Identifier: MIT */
#include "h1_log_limit.h"

#include <inttypes.h>

#include "clock.h"

static struct h1_log_limit events = {.lock = PTHREAD_MUTEX_INITIALIZER};

void h1_log_limit_init(struct h1_log_limit *limit)
{
    *limit = (struct h1_log_limit){.lock = PTHREAD_MUTEX_INITIALIZER};
}

static uint64_t take(struct h1_log_limit *limit)
{
    uint64_t left_out = limit->left_out;

    limit->left_out = 0;
    return left_out;
}

bool h1_log_limit_allows(struct h1_log_limit *limit, int64_t now_us, uint64_t *left_out)
{
    bool is_allowed;

    *left_out = 0;
    pthread_mutex_lock(&limit->lock);
    if (limit->began_us == 0 || now_us - limit->began_us >= H1_LOG_LIMIT_PERIOD_US) {
        limit->began_us = now_us;
        limit->lines = 0;
        *left_out = take(limit);
    }
    is_allowed = limit->lines < H1_LOG_LIMIT_LINES;
    if (is_allowed)
        limit->lines++;
    else
        limit->left_out++;
    pthread_mutex_unlock(&limit->lock);
    return is_allowed;
}

bool h1_log_limit_has_more(struct h1_log_limit *limit)
{
    bool has_more;

    pthread_mutex_lock(&limit->lock);
    has_more = limit->left_out > 0;
    pthread_mutex_unlock(&limit->lock);
    return has_more;
}

uint64_t h1_log_limit_take(struct h1_log_limit *limit)
{
    uint64_t left_out;

    pthread_mutex_lock(&limit->lock);
    left_out = take(limit);
    pthread_mutex_unlock(&limit->lock);
    return left_out;
}

static void tell_events(uint64_t left_out)
{
    if (left_out > 0)
        log_warning("%" PRIu64
                    " more lines about failures and slow clients were left out (at most %d a second are written)",
                    left_out, H1_LOG_LIMIT_LINES);
}

bool h1_log_limit_allows_event(void)
{
    uint64_t left_out;
    bool is_allowed = h1_log_limit_allows(&events, clock_now_us(), &left_out);

    tell_events(left_out);
    return is_allowed;
}

bool h1_log_limit_has_more_events(void)
{
    return h1_log_limit_has_more(&events);
}

void h1_log_limit_tell_events(void)
{
    tell_events(h1_log_limit_take(&events));
}
