/* SPDX-License-Identifier: MIT
 * What is written as JSON, and what is made of JSON that somebody else has written. */
#include "json_read.h"

#include <stdlib.h>

#include "buf.h"
#include "json_write.h"
#include "unit.h"

static void test_all_kinds_are_written(void **state)
{
    struct buf buf;
    struct json json = {.out = &buf};

    (void)state;
    buf_init(&buf);
    json_begin(&json, NULL, '{');
    json_count(&json, "a", UINT64_MAX);
    json_number(&json, "b", INT64_MIN);
    json_flag(&json, "c", true);
    json_null(&json, "d");
    json_begin(&json, "e", '[');
    json_begin(&json, NULL, '{');
    json_end(&json, '}');
    json_flag(&json, NULL, false);
    json_end(&json, ']');
    json_text(&json, "f", SLICE(""));
    json_end(&json, '}');
    assert_false(json.lacks_memory);
    assert_int_equal(buf_append(&buf, slice_of("", 1)), 0);
    assert_string_equal(buf.ptr, "{\"a\":18446744073709551615,\"b\":-9223372036854775808,\"c\":true,\"d\":null,"
                                 "\"e\":[{},false],\"f\":\"\"}");
    buf_fini(&buf);
}

/* Every byte comes back as the character of that number. */
static void test_text_comes_back(void **state)
{
    char bytes[256], expected[384];
    struct buf buf;
    struct json json = {.out = &buf};
    struct json_tree *tree;
    size_t len = 0;

    (void)state;
    buf_init(&buf);
    for (unsigned i = 0; i < 256; i++) {
        bytes[i] = (char)i;
        if (i >= 128)
            expected[len++] = (char)(0xc0 | i >> 6);
        expected[len++] = (char)(i < 128 ? i : 0x80 | (i & 0x3f));
    }
    json_text(&json, NULL, slice_of(bytes, sizeof(bytes)));
    for (size_t i = 0; i < buf.len; i++)
        assert_true(buf.ptr[i] >= ' ' && buf.ptr[i] <= '~');
    tree = json_tree_read(buf.ptr, buf.len);
    assert_non_null(tree);
    assert_int_equal(json_tree_root(tree)->text.len, len);
    assert_memory_equal(json_tree_root(tree)->text.ptr, expected, len);
    json_tree_free(tree);
    buf_fini(&buf);
}

static struct json_tree *read_copy(char *copy, size_t size, const char *text)
{
    snprintf(copy, size, "%s", text);
    return json_tree_read(copy, strlen(copy));
}

static void test_members(void **state)
{
    char copy[256];
    struct json_tree *tree = read_copy(copy, sizeof(copy),
                                       " { \"n\" : -12.5e+3 , \"t\":\"a\\u00e9\\ud83d\\/\\n\",\"f\":true,\"z\":null,"
                                       "\"big\":99999999999999999999,\"l\":[1,2],\"n\":7}\n");
    const struct json_node *root = json_tree_root(tree);

    (void)state;
    assert_non_null(root);
    assert_int_equal(json_member_number(root, "n"), -12);
    assert_int_equal(json_member_number(root, "big"), JSON_MOST_NUMBER);
    assert_true(slice_equal(json_member_text(root, "t"), SLICE("a\xc3\xa9?/\n")));
    assert_true(json_member_flag(root, "f"));
    assert_true(json_has_number(root, "n"));
    assert_false(json_has_number(root, "z"));
    assert_int_equal(json_first_of(root, "l")->next->number, 2);
    assert_null(json_first_of(root, "l")->next->next);
    /* What is not there, or of another kind. */
    assert_int_equal(json_member_number(root, "x"), 0);
    assert_int_equal(json_member_text(root, "n").len, 0);
    assert_null(json_member(json_member(root, "n"), "x"));
    assert_null(json_member(NULL, "x"));
    assert_null(json_first_of(NULL, "x"));
    json_tree_free(tree);
}

static void test_what_is_no_json(void **state)
{
    static const char *const texts[] = {
        "",    " ",    "{",          "}",       "[1,]",     "[1 2]",  "{\"a\"}",     "{\"a\":}", "{a:1}",
        "\"",  "\"\\", "\"\\u12",    "\"\\x\"", "\"\n\"",   "nul",    "truefalse",   "-",        "1.",
        "1e",  "+1",   "[1]]",       "[",       "{\"a\":1", "[\"a\"", "\"a\" \"b\"", "'a'",      "\"\\uzzzz\"",
        "{,}", "[,1]", "{\"a\":1,}",
    };
    char copy[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct json_tree *tree = read_copy(copy, sizeof(copy), texts[i]);

        if (tree != NULL)
            print_error("was read: %s\n", texts[i]);
        assert_null(tree);
    }
}

static void test_depth_is_bounded(void **state)
{
    char text[64];
    struct json_tree *tree;

    (void)state;
    memset(text, '[', 32);
    memset(text + 32, ']', 32);
    tree = json_tree_read(text + 1, 62);
    assert_non_null(tree);
    json_tree_free(tree);
    memset(text, '[', sizeof(text));
    assert_null(json_tree_read(text, sizeof(text)));
    memset(text, '[', 32);
    text[32] = '[';
    assert_null(json_tree_read(text, 33));
}

static void test_many_values(void **state)
{
    enum { VALUES = 1000 };
    char *text = malloc(2 * VALUES + 2);
    struct json_tree *tree;
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < VALUES; i++)
        memcpy(text + 1 + 2 * i, "7,", 2);
    text[0] = '[';
    text[2 * VALUES] = ']';
    tree = json_tree_read(text, 2 * VALUES + 1);
    assert_non_null(tree);
    for (const struct json_node *node = json_tree_root(tree)->first; node != NULL; node = node->next)
        count += node->number == 7;
    assert_int_equal(count, VALUES);
    json_tree_free(tree);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_kinds_are_written),
        cmocka_unit_test(test_text_comes_back),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_what_is_no_json),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_many_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
