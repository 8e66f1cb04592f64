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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(indents_each_line),
        cmocka_unit_test(leaves_text_as_it_is),
        cmocka_unit_test(escapes_what_steers_a_terminal),
        cmocka_unit_test(takes_pieces_of_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
