/* SPDX-License-Identifier: MIT
 * Numbers with units: what is read, what is refused, what overflows, and that formatted values parse to themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "units.h"

typedef enum units_result (*parse_fn)(struct slice text, int64_t *value);

struct number_case {
    const char *text;
    enum units_result result;
    int64_t value;
};

static void check_cases(parse_fn parse, const struct number_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t value = -77;
        enum units_result result = parse(slice_of_string(cases[i].text), &value);

        if (result != cases[i].result || value != (result == UNITS_DONE ? cases[i].value : -77))
            fail_msg("'%s' gave result %d, value %lld", cases[i].text, (int)result, (long long)value);
    }
}

static void reads_counts(void **state)
{
    static const struct number_case cases[] = {
        {"0", UNITS_DONE, 0},
        {"12", UNITS_DONE, 12},
        {"007", UNITS_DONE, 7},
        {"9223372036854775807", UNITS_DONE, INT64_MAX},
        {"9223372036854775808", UNITS_TOO_LARGE, 0},
        {"18446744073709551616", UNITS_TOO_LARGE, 0},
        {"", UNITS_MALFORMED, 0},
        {"-1", UNITS_MALFORMED, 0},
        {"+1", UNITS_MALFORMED, 0},
        {" 1", UNITS_MALFORMED, 0},
        {"1 ", UNITS_MALFORMED, 0},
        {"1.0", UNITS_MALFORMED, 0},
        {"1k", UNITS_MALFORMED, 0},
        {"0x10", UNITS_MALFORMED, 0},
    };

    (void)state;
    check_cases(units_parse_count, cases, ARRAY_COUNT(cases));
}

static void reads_durations(void **state)
{
    static const struct number_case cases[] = {
        {"0", UNITS_DONE, 0},
        {"10", UNITS_DONE, 10000},
        {"10s", UNITS_DONE, 10000},
        {"10S", UNITS_DONE, 10000},
        {"500ms", UNITS_DONE, 500},
        {"2m", UNITS_DONE, 120000},
        {"1h", UNITS_DONE, 3600000},
        {"1.5s", UNITS_DONE, 1500},
        {"1.5", UNITS_DONE, 1500},
        {"0.5h", UNITS_DONE, 1800000},
        {"0.000", UNITS_DONE, 0},
        {"0.0000000000001s", UNITS_DONE, 1},
        {"1.0004s", UNITS_DONE, 1001},
        {"0.999999999999h", UNITS_DONE, 3600000},
        {"9223372036854775807ms", UNITS_DONE, INT64_MAX},
        {"9223372036854775807.1ms", UNITS_TOO_LARGE, 0},
        {"9223372036854775807s", UNITS_TOO_LARGE, 0},
        {"99999999999999999999999h", UNITS_TOO_LARGE, 0},
        {"", UNITS_MALFORMED, 0},
        {"s", UNITS_MALFORMED, 0},
        {".5s", UNITS_MALFORMED, 0},
        {"1.s", UNITS_MALFORMED, 0},
        {"1.", UNITS_MALFORMED, 0},
        {"-1s", UNITS_MALFORMED, 0},
        {"1 s", UNITS_MALFORMED, 0},
        {"1x", UNITS_MALFORMED, 0},
        {"1ss", UNITS_MALFORMED, 0},
        {"1h30m", UNITS_MALFORMED, 0},
        {"1,5s", UNITS_MALFORMED, 0},
    };

    (void)state;
    check_cases(units_parse_duration, cases, ARRAY_COUNT(cases));
}

static void reads_sizes(void **state)
{
    static const struct number_case cases[] = {
        {"0", UNITS_DONE, 0},
        {"8190", UNITS_DONE, 8190},
        {"64k", UNITS_DONE, 65536},
        {"64K", UNITS_DONE, 65536},
        {"1m", UNITS_DONE, 1048576},
        {"2g", UNITS_DONE, 2147483648},
        {"1.5k", UNITS_DONE, 1536},
        {"0.0001k", UNITS_DONE, 1},
        {"8589934591g", UNITS_DONE, INT64_MAX - 1073741823},
        {"8589934592g", UNITS_TOO_LARGE, 0},
        {"8589934591.9999999999g", UNITS_TOO_LARGE, 0},
        {"17179869184g", UNITS_TOO_LARGE, 0},
        {"99999999999999999999g", UNITS_TOO_LARGE, 0},
        {"", UNITS_MALFORMED, 0},
        {"k", UNITS_MALFORMED, 0},
        {"-1k", UNITS_MALFORMED, 0},
        {"64kb", UNITS_MALFORMED, 0},
        {"64 k", UNITS_MALFORMED, 0},
        {"64s", UNITS_MALFORMED, 0},
        {"1..5k", UNITS_MALFORMED, 0},
    };

    (void)state;
    check_cases(units_parse_size, cases, ARRAY_COUNT(cases));
}

static void reads_octals(void **state)
{
    static const struct number_case cases[] = {
        {"0", UNITS_DONE, 0},
        {"22", UNITS_DONE, 022},
        {"022", UNITS_DONE, 022},
        {"0o22", UNITS_DONE, 022},
        {"0O777", UNITS_DONE, 0777},
        {"777777777777777777777", UNITS_DONE, INT64_MAX},
        {"1000000000000000000000", UNITS_TOO_LARGE, 0},
        {"", UNITS_MALFORMED, 0},
        {"0o", UNITS_MALFORMED, 0},
        {"8", UNITS_MALFORMED, 0},
        {"0x1", UNITS_MALFORMED, 0},
        {"-1", UNITS_MALFORMED, 0},
        {"1000000000000000000000000008", UNITS_MALFORMED, 0},
    };

    (void)state;
    check_cases(units_parse_octal, cases, ARRAY_COUNT(cases));
}

static void reads_flags(void **state)
{
    static const char *const yes[] = {"yes", "true", "on", "1", "YES", "True"};
    static const char *const no[] = {"no", "false", "off", "0", "NO", "Off"};
    static const char *const neither[] = {"", "y", "n", "2", "yess", " yes", "maybe"};
    bool value;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(yes); i++) {
        value = false;
        assert_true(units_parse_flag(slice_of_string(yes[i]), &value));
        assert_true(value);
    }
    for (size_t i = 0; i < ARRAY_COUNT(no); i++) {
        value = true;
        assert_true(units_parse_flag(slice_of_string(no[i]), &value));
        assert_false(value);
    }
    for (size_t i = 0; i < ARRAY_COUNT(neither); i++)
        assert_false(units_parse_flag(slice_of_string(neither[i]), &value));
}

static void formats_what_it_reads(void **state)
{
    static const int64_t values[] = {0,     1,     500,   999,     1000,     1024,    1500,       8190,
                                     60000, 65536, 90000, 3600000, 86400000, 1048576, 1073741824, INT64_MAX};
    char text[UNITS_TEXT_BYTES];
    int64_t value;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        size_t len = units_format_duration(text, values[i]);

        assert_int_equal(len, strlen(text));
        assert_int_equal(units_parse_duration(slice_of(text, len), &value), UNITS_DONE);
        assert_true(value == values[i]);
        len = units_format_size(text, values[i]);
        assert_int_equal(len, strlen(text));
        assert_int_equal(units_parse_size(slice_of(text, len), &value), UNITS_DONE);
        assert_true(value == values[i]);
    }
}

static void formats_briefly(void **state)
{
    static const struct {
        int64_t value;
        const char *duration, *size;
    } cases[] = {
        {0, "0", "0"},
        {500, "500ms", "500"},
        {75000, "75s", "75000"},
        {120000, "2m", "120000"},
        {86400000, "24h", "84375k"},
        {1048576, "1048576ms", "1m"},
    };
    char text[UNITS_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        units_format_duration(text, cases[i].value);
        assert_string_equal(text, cases[i].duration);
        units_format_size(text, cases[i].value);
        assert_string_equal(text, cases[i].size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_counts),    cmocka_unit_test(reads_durations), cmocka_unit_test(reads_sizes),
        cmocka_unit_test(reads_octals),    cmocka_unit_test(reads_flags),     cmocka_unit_test(formats_what_it_reads),
        cmocka_unit_test(formats_briefly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
