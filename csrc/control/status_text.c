/* SPDX-License-Identifier: MIT */
#include "status_text.h"

#include <inttypes.h>
#include <stdio.h>

enum { SECOND_US = 1000000 };

const char *status_text_time(char *text, int64_t us)
{
    int64_t s = us / SECOND_US;

    if (us < 0)
        snprintf(text, STATUS_TEXT_BYTES, "-");
    else if (us < 1000)
        snprintf(text, STATUS_TEXT_BYTES, "%" PRId64 "us", us);
    else if (us < SECOND_US)
        snprintf(text, STATUS_TEXT_BYTES, "%.*fms", us < 100000 && us % 1000 != 0 ? 1 : 0, (double)us / 1e3);
    else if (s < 60)
        snprintf(text, STATUS_TEXT_BYTES, "%" PRId64 ".%" PRId64 "s", s, us % SECOND_US / 100000);
    else if (s < 3600)
        snprintf(text, STATUS_TEXT_BYTES, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(text, STATUS_TEXT_BYTES, "%" PRId64 "h%02" PRId64 "m", s / 3600, s / 60 % 60);
    else
        snprintf(text, STATUS_TEXT_BYTES, "%" PRId64 "d%02" PRId64 "h", s / 86400, s / 3600 % 24);
    return text;
}

const char *status_text_bytes(char *text, int64_t bytes)
{
    static const char units[] = "KMGTPE";
    double value = (double)bytes;
    int unit = -1;

    while (value >= 1023.5 && unit < (int)sizeof(units) - 2) {
        value /= 1024;
        unit++;
    }
    if (unit < 0)
        snprintf(text, STATUS_TEXT_BYTES, "%" PRId64, bytes);
    else
        snprintf(text, STATUS_TEXT_BYTES, "%.*f%c", value < 99.95 ? 1 : 0, value, units[unit]);
    return text;
}

const char *status_text_count(char *text, int64_t count)
{
    if (count < 1000000)
        snprintf(text, STATUS_TEXT_BYTES, "%" PRId64, count);
    else if (count < 1000000000)
        snprintf(text, STATUS_TEXT_BYTES, "%.1fM", (double)count / 1e6);
    else
        snprintf(text, STATUS_TEXT_BYTES, "%.1fG", (double)count / 1e9);
    return text;
}

const char *status_text_rate(char *text, int64_t count, int64_t us)
{
    double rate = us > 0 && count > 0 ? (double)count * 1e6 / (double)us : 0;

    snprintf(text, STATUS_TEXT_BYTES, "%.*f", rate > 0 && rate < 100 ? 1 : 0, rate);
    return text;
}
