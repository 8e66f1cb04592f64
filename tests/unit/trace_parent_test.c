/* SPDX-License-Identifier: MIT
 * traceparent: the cases of W3C Trace Context, level 1, sections 3.2.2 and 4.3. */
#include "trace_parent.h"

#include "unit.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"

static bool is_valid(const char *value)
{
    struct trace_parent trace;

    return trace_parent_parse(slice_of_string(value), &trace);
}

static void test_the_parts(void **state)
{
    struct trace_parent trace;

    (void)state;
    assert_true(trace_parent_parse(SLICE("00-" TRACE "-" SPAN "-01"), &trace));
    assert_true(slice_equal(trace.trace_id, SLICE(TRACE)));
    assert_true(slice_equal(trace.span_id, SLICE(SPAN)));
    assert_true(slice_equal(trace.flags, SLICE("01")));
}

static void test_later_versions_may_be_longer(void **state)
{
    (void)state;
    assert_true(is_valid("cc-" TRACE "-" SPAN "-01"));
    assert_true(is_valid("cc-" TRACE "-" SPAN "-01-what-the-future-will-be-like"));
    assert_false(is_valid("cc-" TRACE "-" SPAN "-01.what"));
    assert_false(is_valid("00-" TRACE "-" SPAN "-01-"));
    assert_false(is_valid("00-" TRACE "-" SPAN "-01-more"));
}

static void test_what_is_not_valid(void **state)
{
    static const char *const values[] = {
        "",
        "00",
        "00-" TRACE "-" SPAN,
        "00-" TRACE "-" SPAN "-1",
        "ff-" TRACE "-" SPAN "-01",
        "0x-" TRACE "-" SPAN "-01",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" TRACE "-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01",
        "00-" TRACE "-B7AD6B7169203331-01",
        "00-" TRACE "-" SPAN "-0A",
        "00-" TRACE "-" SPAN "-0g",
        "00_" TRACE "-" SPAN "-01",
        "00-" TRACE "." SPAN "-01",
        "00-" TRACE "-" SPAN ".01",
        " 00-" TRACE "-" SPAN "-01",
        "00-" TRACE "-" SPAN "-01 ",
        "00-" TRACE "-" SPAN "-01,00-" TRACE "-" SPAN "-01",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(values); i++)
        assert_false(is_valid(values[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_parts),
        cmocka_unit_test(test_later_versions_may_be_longer),
        cmocka_unit_test(test_what_is_not_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
