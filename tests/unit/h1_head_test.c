/* SPDX-License-Identifier: MIT
 * No byte of an application's can end a line of the response's head: every byte, in every place it can come to. */
#include "h1_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool is_allowed_in_value(int byte)
{
    return byte == '\t' || (byte >= ' ' && byte != 0x7f);
}

static bool is_allowed_in_name(int byte)
{
    return byte > ' ' && byte < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", byte) == NULL;
}

static size_t count_lines(const struct h1_head *head)
{
    size_t lines = 0;

    for (size_t i = 0; i < head->bytes.len; i++) {
        if (head->bytes.ptr[i] == '\n')
            lines++;
        assert_true((head->bytes.ptr[i] == '\n') == (i > 0 && head->bytes.ptr[i - 1] == '\r'));
    }
    return lines;
}

static void every_byte_in_a_value(void **state)
{
    struct h1_head head;

    (void)state;
    h1_head_init(&head, false);
    for (int byte = 0; byte <= 0xff; byte++) {
        const char value[] = {'a', (char)byte, 'b'}, last[] = {'a', (char)byte};

        assert_int_equal(h1_head_begin(&head, 200, SLICE("OK")), HEAD_OK);
        assert_int_equal(h1_head_add(&head, SLICE("X"), slice_of(value, sizeof(value))),
                         is_allowed_in_value(byte) ? HEAD_OK : HEAD_BAD_VALUE);
        assert_int_equal(h1_head_add(&head, SLICE("X"), slice_of(last, sizeof(last))),
                         is_allowed_in_value(byte) ? HEAD_OK : HEAD_BAD_VALUE);
        assert_int_equal(count_lines(&head), is_allowed_in_value(byte) ? 3 : 1);
    }
    h1_head_fini(&head);
}

static void every_byte_in_a_name(void **state)
{
    struct h1_head head;

    (void)state;
    h1_head_init(&head, false);
    for (int byte = 0; byte <= 0xff; byte++) {
        const char name[] = {'X', (char)byte, 'Y'};

        assert_int_equal(h1_head_begin(&head, 200, SLICE("OK")), HEAD_OK);
        assert_int_equal(h1_head_add(&head, slice_of(name, sizeof(name)), SLICE("v")),
                         is_allowed_in_name(byte) ? HEAD_OK : HEAD_BAD_NAME);
        assert_int_equal(count_lines(&head), is_allowed_in_name(byte) ? 2 : 1);
    }
    h1_head_fini(&head);
}

static void every_byte_in_a_reason(void **state)
{
    struct h1_head head;

    (void)state;
    h1_head_init(&head, false);
    for (int byte = 0; byte <= 0xff; byte++) {
        const char reason[] = {'O', (char)byte, 'K'};

        assert_int_equal(h1_head_begin(&head, 200, slice_of(reason, sizeof(reason))),
                         is_allowed_in_value(byte) ? HEAD_OK : HEAD_BAD_REASON);
        assert_int_equal(count_lines(&head), is_allowed_in_value(byte) ? 1 : 0);
    }
    h1_head_fini(&head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_in_a_value),
        cmocka_unit_test(every_byte_in_a_name),
        cmocka_unit_test(every_byte_in_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
