/* SPDX-License-Identifier: MIT
 * Single values as options, variables and fields have them: numbers, sizes, durations, octal modes, switches,
 * addresses, traces, ids of requests. What
 * is understood is what a second, slower reader makes of it, and can be written and read again; what is not, is not a
 * value. The first byte of the input says which kind the rest is. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "h1_request_id.h"
#include "trace_parent.h"
#include "listener.h"
#include "units.h"

/* SLACK: a fraction counts to its ninth digit, rounded up. */
enum { TEXT_BYTES = 512, ERROR_BYTES = 200, SLACK = 3 };

struct suffix {
    const char *text;
    double scale;
};

static const struct suffix time_suffixes[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
static const struct suffix size_suffixes[] = {{"", 1}, {"k", 1024}, {"m", 1048576}, {"g", 1073741824}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_right, const char *what, const char *text)
{
    if (is_right)
        return;
    fprintf(stderr, "%s: '%s'\n", what, text);
    abort();
}

/* The value of a number with a suffix; -1: it is none. */
static double read_scaled(const char *text, const struct suffix *suffixes, size_t count)
{
    size_t digits = strspn(text, "0123456789"), fraction;
    const char *rest = text + digits;

    if (digits == 0)
        return -1;
    if (*rest == '.') {
        fraction = strspn(rest + 1, "0123456789");
        if (fraction == 0)
            return -1;
        rest += 1 + fraction;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(rest, suffixes[i].text) == 0)
            return strtod(text, NULL) * suffixes[i].scale;
    }
    return -1;
}

static void check_scaled(const char *text, enum units_result result, int64_t value, double expected)
{
    check((expected < 0) == (result == UNITS_MALFORMED), "malformed, or not", text);
    if (result == UNITS_TOO_LARGE)
        check(expected > 9e18, "not too large", text);
    if (result != UNITS_DONE)
        return;
    check(value >= 0 && (double)value >= expected * (1 - 1e-12), "too small a value", text);
    check((double)value <= expected * (1 + 1e-12) + SLACK, "too large a value", text);
    check((value == 0) == (expected == 0), "a zero that is none", text);
}

static void try_duration(const char *text)
{
    char written[UNITS_TEXT_BYTES];
    int64_t value = -1, again = -1;
    enum units_result result = units_parse_duration(slice_of_string(text), &value);

    check_scaled(text, result, value,
                 read_scaled(text, time_suffixes, sizeof(time_suffixes) / sizeof(time_suffixes[0])));
    if (result != UNITS_DONE)
        return;
    check(units_format_duration(written, value) < sizeof(written), "a long text", text);
    check(units_parse_duration(slice_of_string(written), &again) == UNITS_DONE && again == value, "not read again",
          written);
}

static void try_size(const char *text)
{
    char written[UNITS_TEXT_BYTES];
    int64_t value = -1, again = -1;
    enum units_result result = units_parse_size(slice_of_string(text), &value);

    check_scaled(text, result, value,
                 read_scaled(text, size_suffixes, sizeof(size_suffixes) / sizeof(size_suffixes[0])));
    if (result != UNITS_DONE)
        return;
    check(units_format_size(written, value) < sizeof(written), "a long text", text);
    check(units_parse_size(slice_of_string(written), &again) == UNITS_DONE && again == value, "not read again",
          written);
}

static void try_count(const char *text)
{
    int64_t value = -1;
    enum units_result result = units_parse_count(slice_of_string(text), &value);
    bool is_number = text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';

    check(is_number == (result != UNITS_MALFORMED), "malformed, or not", text);
    if (result == UNITS_DONE)
        check(value >= 0 && (double)value == strtod(text, NULL), "another number", text);
    else if (is_number)
        check(strtod(text, NULL) > 9e18, "not too large", text);
}

static void try_octal(const char *text)
{
    int64_t value = -1;
    enum units_result result = units_parse_octal(slice_of_string(text), &value);
    const char *digits = strncasecmp(text, "0o", 2) == 0 && text[2] != '\0' ? text + 2 : text;
    bool is_number = digits[0] != '\0' && digits[strspn(digits, "01234567")] == '\0';

    check(is_number == (result != UNITS_MALFORMED), "malformed, or not", text);
    check(result != UNITS_DONE || (value >= 0 && (uint64_t)value == strtoull(digits, NULL, 8)), "another number", text);
}

static void try_flag(const char *text)
{
    bool value;

    if (units_parse_flag(slice_of_string(text), &value))
        check(strspn(text, "yesnotrufalYESNOTRUFAL01") == strlen(text) && strlen(text) <= 5, "not a switch", text);
}

static bool has_port(const char *address)
{
    const char *colon = strrchr(address, ':');

    return colon != NULL && colon[1] != '\0' && colon[1 + strspn(colon + 1, "0123456789")] == '\0' &&
           strtod(colon + 1, NULL) <= 65535;
}

static void try_address(const char *text)
{
    char error[ERROR_BYTES] = "";
    int failed = listener_check_address(text, error, sizeof(error));

    if (failed == 0) {
        check(strncmp(text, "unix:", 5) == 0 ? text[5] != '\0' && strlen(text + 5) < LISTENER_PATH_BYTES
                                             : has_port(text),
              "not an address", text);
        return;
    }
    check(error[0] != '\0' && memchr(error, '\0', sizeof(error)) != NULL, "refused without a reason", text);
}

/* With its parts put together again. */
static void try_trace(const char *text)
{
    struct trace_parent trace;
    char again[64];

    if (!trace_parent_parse(slice_of_string(text), &trace))
        return;
    snprintf(again, sizeof(again), "%.2s-%.32s-%.16s-%.2s", text, trace.trace_id.ptr, trace.span_id.ptr,
             trace.flags.ptr);
    check(strncmp(text, again, strlen(again)) == 0 && strspn(again, "0123456789abcdef-") == 55, "not a trace", text);
    check(text[55] == '\0' || text[55] == '-', "something behind a trace", text);
    check(strspn(trace.trace_id.ptr, "0") < 32 && strspn(trace.span_id.ptr, "0") < 16, "an id of zeros", text);
}

static void try_request_id(const char *text)
{
    size_t len = strlen(text), visible = 0;

    while (text[visible] > ' ' && text[visible] < 0x7f)
        visible++;
    check(h1_request_id_is_sane(slice_of_string(text)) == (len > 0 && len <= 128 && visible == len), "sane, or not",
          text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const kinds[])(const char *) = {try_count, try_duration, try_size,  try_octal,
                                                  try_flag,  try_address,  try_trace, try_request_id};
    char *text;

    if (size == 0 || size > TEXT_BYTES || memchr(data, '\0', size) != NULL)
        return 0;
    text = malloc(size);
    check(text != NULL, "out of memory", "");
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    kinds[data[0] % (sizeof(kinds) / sizeof(kinds[0]))](text);
    free(text);
    return 0;
}
