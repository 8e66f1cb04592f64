/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

static void put_two_digits(char *at, int value)
{
    at[0] = (char)('0' + value / 10);
    at[1] = (char)('0' + value % 10);
}

/* strftime would follow the locale that the application may have set. */
static void format_http_date(char *out, time_t seconds)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm;

    gmtime_r(&seconds, &tm);
    memcpy(out, "Day, 00 Mon 0000 00:00:00 GMT", CLOCK_HTTP_DATE_BYTES);
    memcpy(out, days + (ptrdiff_t)3 * tm.tm_wday, 3);
    put_two_digits(out + 5, tm.tm_mday);
    memcpy(out + 8, months + (ptrdiff_t)3 * tm.tm_mon, 3);
    put_two_digits(out + 12, (tm.tm_year + 1900) / 100);
    put_two_digits(out + 14, (tm.tm_year + 1900) % 100);
    put_two_digits(out + 17, tm.tm_hour);
    put_two_digits(out + 20, tm.tm_min);
    put_two_digits(out + 23, tm.tm_sec);
}

const char *clock_http_date(void)
{
    static _Thread_local char text[CLOCK_HTTP_DATE_BYTES + 1];
    static _Thread_local time_t formatted = (time_t)-1;
    struct timespec now;

    /* The coarse clock is a plain memory read and its few milliseconds do not show in seconds. */
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != formatted) {
        format_http_date(text, now.tv_sec);
        formatted = now.tv_sec;
    }
    return text;
}
