/* SPDX-License-Identifier: MIT
 * Numbers with units: one reader for times and sizes, which differ only in their table of units. */
#include "units.h"

#include <inttypes.h>
#include <stdio.h>

#include "text.h"

struct unit {
    struct slice suffix;
    uint64_t scale;
};

static const struct unit time_units[] = {
    {SLICE("ms"), 1}, {SLICE("s"), 1000}, {SLICE("m"), 60000}, {SLICE("h"), 3600000}, {SLICE(""), 1000},
};

static const struct unit size_units[] = {
    {SLICE(""), 1},
    {SLICE("k"), 1024},
    {SLICE("m"), 1048576},
    {SLICE("g"), 1073741824},
};

enum { FRACTION_DIGITS = 9, FRACTION_ONE = 1000000000 };

static struct slice slice_from(struct slice text, size_t start)
{
    return slice_of(text.ptr + start, text.len - start);
}

static size_t count_digits(struct slice text)
{
    size_t count = 0;

    while (count < text.len && text.ptr[count] >= '0' && text.ptr[count] <= '9')
        count++;
    return count;
}

/* Takes ".5" off the front of `text`: billionths, rounded up. Returns false when a point has no digits. */
static bool take_fraction(struct slice *text, uint64_t *billionths)
{
    size_t count;
    uint64_t value = 0;

    *billionths = 0;
    if (text->len == 0 || text->ptr[0] != '.')
        return true;
    *text = slice_from(*text, 1);
    count = count_digits(*text);
    if (count == 0)
        return false;
    for (size_t i = 0; i < FRACTION_DIGITS; i++)
        value = value * 10 + (i < count ? (uint64_t)(text->ptr[i] - '0') : 0);
    for (size_t i = FRACTION_DIGITS; i < count; i++) {
        if (text->ptr[i] != '0') {
            value++;
            break;
        }
    }
    *text = slice_from(*text, count);
    *billionths = value;
    return true;
}

static const struct unit *find_unit(const struct unit *units, size_t count, struct slice suffix)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal_nocase(units[i].suffix, suffix))
            return &units[i];
    }
    return NULL;
}

static enum units_result parse_scaled(struct slice text, const struct unit *units, size_t count, int64_t *value)
{
    size_t digits = count_digits(text);
    struct slice rest = slice_from(text, digits);
    const struct unit *unit;
    uint64_t whole, billionths, result;

    if (digits == 0 || !take_fraction(&rest, &billionths))
        return UNITS_MALFORMED;
    unit = find_unit(units, count, rest);
    if (unit == NULL)
        return UNITS_MALFORMED;
    /* billionths * scale stays below 2^61: both are at most about 2^30. */
    result = (billionths * unit->scale + FRACTION_ONE - 1) / FRACTION_ONE;
    if (!text_parse_u64(slice_of(text.ptr, digits), &whole) || __builtin_mul_overflow(whole, unit->scale, &whole) ||
        __builtin_add_overflow(result, whole, &result) || result > INT64_MAX)
        return UNITS_TOO_LARGE;
    *value = (int64_t)result;
    return UNITS_DONE;
}

enum units_result units_parse_count(struct slice text, int64_t *value)
{
    uint64_t result;

    if (text.len == 0 || count_digits(text) != text.len)
        return UNITS_MALFORMED;
    if (!text_parse_u64(text, &result) || result > INT64_MAX)
        return UNITS_TOO_LARGE;
    *value = (int64_t)result;
    return UNITS_DONE;
}

enum units_result units_parse_duration(struct slice text, int64_t *value_ms)
{
    return parse_scaled(text, time_units, ARRAY_COUNT(time_units), value_ms);
}

enum units_result units_parse_size(struct slice text, int64_t *value_bytes)
{
    return parse_scaled(text, size_units, ARRAY_COUNT(size_units), value_bytes);
}

enum units_result units_parse_octal(struct slice text, int64_t *value)
{
    int64_t result = 0;

    if (text.len > 2 && text.ptr[0] == '0' && (text.ptr[1] == 'o' || text.ptr[1] == 'O'))
        text = slice_from(text, 2);
    if (text.len == 0)
        return UNITS_MALFORMED;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '7')
            return UNITS_MALFORMED;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (__builtin_mul_overflow(result, (int64_t)8, &result))
            return UNITS_TOO_LARGE;
        result += text.ptr[i] - '0';
    }
    *value = result;
    return UNITS_DONE;
}

bool units_parse_flag(struct slice text, bool *value)
{
    static const struct slice words[] = {SLICE("no"),  SLICE("yes"), SLICE("false"), SLICE("true"),
                                         SLICE("off"), SLICE("on"),  SLICE("0"),     SLICE("1")};

    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (slice_equal_nocase(text, words[i])) {
            *value = i % 2 == 1;
            return true;
        }
    }
    return false;
}

size_t units_format_duration(char out[UNITS_TEXT_BYTES], int64_t value_ms)
{
    const char *suffix = "ms";
    int64_t value = value_ms;

    if (value_ms == 0)
        suffix = "";
    else if (value_ms % 3600000 == 0)
        value = value_ms / 3600000, suffix = "h";
    else if (value_ms % 60000 == 0)
        value = value_ms / 60000, suffix = "m";
    else if (value_ms % 1000 == 0)
        value = value_ms / 1000, suffix = "s";
    return (size_t)snprintf(out, UNITS_TEXT_BYTES, "%" PRId64 "%s", value, suffix);
}

size_t units_format_size(char out[UNITS_TEXT_BYTES], int64_t value_bytes)
{
    const char *suffix = "";
    int64_t value = value_bytes;

    for (const char *next = "kmg"; *next != '\0' && value != 0 && value % 1024 == 0; next++) {
        value /= 1024;
        suffix = next;
    }
    return (size_t)snprintf(out, UNITS_TEXT_BYTES, "%" PRId64 "%.1s", value, suffix);
}
