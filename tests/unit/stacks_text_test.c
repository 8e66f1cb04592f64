/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "stacks_text.h"

#define CURRENT "Current thread 0x1 (most recent call first):\n  <no Python frame>\n"
#define OTHER "Thread 0x2 (most recent call first):\n  File \"a.py\", line 1 in one"

static void assert_trimmed(const char *text, const char *expected)
{
    struct slice trimmed = stacks_text_trim(slice_of_string(text));

    assert_int_equal(trimmed.len, strlen(expected));
    assert_memory_equal(trimmed.ptr, expected, trimmed.len);
}

static void the_thread_that_dumps_is_left_out(void **state)
{
    (void)state;
    assert_trimmed(CURRENT "\n" OTHER "\n", OTHER);
    assert_trimmed("\n" CURRENT "\n" OTHER "\n\n", OTHER);
    assert_trimmed(OTHER "\n", OTHER);
    assert_trimmed("\n\n", "");
}

/* Also when the line feed that begins the next dump has been read already. */
static void it_stays_if_it_is_the_only_one(void **state)
{
    (void)state;
    assert_trimmed(CURRENT, "Current thread 0x1 (most recent call first):\n  <no Python frame>");
    assert_trimmed(CURRENT "\n", "Current thread 0x1 (most recent call first):\n  <no Python frame>");
    assert_trimmed("Current thread 0x1\n", "Current thread 0x1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_thread_that_dumps_is_left_out),
        cmocka_unit_test(it_stays_if_it_is_the_only_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
