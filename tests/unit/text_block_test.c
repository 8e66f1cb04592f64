/* SPDX-License-Identifier: MIT
 * Text from outside below a line of the server's: no line of it begins in the first column, whatever it holds. */
#include "unit.h"

#include <string.h>

#include "text_block.h"

static void expect(struct slice text, const char *expected)
{
    struct buf out;

    buf_init(&out);
    assert_int_equal(text_block_append(&out, text), 0);
    assert_int_equal(out.len, strlen(expected));
    if (out.len > 0)
        assert_memory_equal(out.ptr, expected, out.len);
    buf_fini(&out);
}

static void indents_each_line(void **state)
{
    (void)state;
    expect(SLICE(""), "");
    expect(SLICE("one"), "    one\n");
    expect(SLICE("one\n"), "    one\n");
    expect(SLICE("one\n\n  two\n"), "    one\n    \n      two\n");
    expect(SLICE("x\n[2026-01-01 00:00:00 +0000] [1] [error] master: no"),
           "    x\n    [2026-01-01 00:00:00 +0000] [1] [error] master: no\n");
}

static void leaves_text_as_it_is(void **state)
{
    (void)state;
    expect(SLICE("\tif a < \"b\" and c == '\\n':"), "    \tif a < \"b\" and c == '\\n':\n");
    expect(SLICE("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xe2\x80\x93 \xf0\x9f\x90\x8d \xc2\xa0"),
           "    gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xe2\x80\x93 \xf0\x9f\x90\x8d \xc2\xa0\n");
}

static void escapes_what_steers_a_terminal(void **state)
{
    (void)state;
    expect(SLICE("a\x1b[2Jb\rc\x7f\0\v\fd"), "    a\\x1b[2Jb\\x0dc\\x7f\\x00\\x0b\\x0cd\n");
    expect(SLICE("C1 \xc2\x80\xc2\x9b\xc2\x9f"), "    C1 \\xc2\\x80\\xc2\\x9b\\xc2\\x9f\n");
    expect(SLICE("line \xe2\x80\xa8 paragraph \xe2\x80\xa9"), "    line \\xe2\\x80\\xa8 paragraph \\xe2\\x80\\xa9\n");
    expect(SLICE("\xe2\x80\xae"
                 "direction\xe2\x81\xa6\xe2\x80\x8f"),
           "    \\xe2\\x80\\xaedirection\\xe2\\x81\\xa6\\xe2\\x80\\x8f\n");
}

/* What is cut in the middle of a character is passed on, and nothing behind it is read. */
static void takes_pieces_of_characters(void **state)
{
    (void)state;
    expect(SLICE("\xc2"), "    \xc2\n");
    expect(SLICE("\xe2\x80\n\xa8"), "    \xe2\x80\n    \xa8\n");
}

static void expect_line(size_t size, struct slice text, const char *expected)
{
    char out[64];
    size_t len = text_block_copy_line(out, size, text);

    assert_int_equal(len, strlen(expected));
    assert_memory_equal(out, expected, len);
}

static void keeps_a_line_one_line(void **state)
{
    (void)state;
    expect_line(64, SLICE(""), "");
    expect_line(64, SLICE("\tgr\xc3\xbc\xc3\x9f \\n"), "\tgr\xc3\xbc\xc3\x9f \\n");
    expect_line(64, SLICE("a\nb\r\x1b[m\x7f\0"), "a\\x0ab\\x0d\\x1b[m\\x7f\\x00");
    expect_line(64, SLICE("\xc2\x85 \xe2\x80\xa8"), "\\xc2\\x85 \\xe2\\x80\\xa8");
    expect_line(5, SLICE("a\nb"), "a\\x0a");
    expect_line(4, SLICE("a\nb"), "a");
    expect_line(0, SLICE("a"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(indents_each_line),
        cmocka_unit_test(leaves_text_as_it_is),
        cmocka_unit_test(escapes_what_steers_a_terminal),
        cmocka_unit_test(takes_pieces_of_characters),
        cmocka_unit_test(keeps_a_line_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
