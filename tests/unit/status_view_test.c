/* SPDX-License-Identifier: MIT
 * What people are shown of a server, of one that tells nonsense too. */
#include "status_view.h"

#include "buf.h"
#include "json_read.h"
#include "quantile.h"
#include "stacks_view.h"
#include "status_text.h"
#include "unit.h"
#include "unix_address.h"
#include "visible.h"

enum { TEXT_BYTES = 8192 };

static void test_figures(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } times[] = {
        {-1, "-"},
        {0, "0us"},
        {999, "999us"},
        {1000, "1ms"},
        {1500, "1.5ms"},
        {99900, "99.9ms"},
        {100499, "100ms"},
        {1000000, "1.0s"},
        {59990000, "59.9s"},
        {60000000, "1m00s"},
        {3599000000, "59m59s"},
        {3600000000, "1h00m"},
        {86400000000, "1d00h"},
        {INT64_MAX, "106751991d04h"},
    };
    char text[STATUS_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(times); i++)
        assert_string_equal(status_text_time(text, times[i].us), times[i].text);
    assert_string_equal(status_text_bytes(text, 1023), "1023");
    assert_string_equal(status_text_bytes(text, 1536), "1.5K");
    assert_string_equal(status_text_bytes(text, 104858624), "100M"); /* 1 KiB more than 100 MiB: five columns suffice */
    assert_string_equal(status_text_bytes(text, (1 << 30) - 1), "1.0G");
    assert_string_equal(status_text_bytes(text, INT64_MAX), "8.0E");
    assert_string_equal(status_text_count(text, 999999), "999999");
    assert_string_equal(status_text_count(text, 12345678), "12.3M");
    assert_string_equal(status_text_rate(text, 3, 2000000), "1.5");
    assert_string_equal(status_text_rate(text, 1234, 1000000), "1234");
    assert_string_equal(status_text_rate(text, 1, 0), "0");
    assert_string_equal(status_text_rate(text, -5, 10), "0");
}

static void test_quantiles(void **state)
{
    static const int64_t bounds_us[] = {1000, 2000, 4000, INT64_MAX};
    const uint64_t none[4] = {0}, even[] = {10, 10, 0, 0}, beyond[] = {0, 0, 0, 5}, one[] = {0, 0, 1, 0};

    (void)state;
    assert_int_equal(quantile_us(bounds_us, none, 4, 500), -1);
    assert_int_equal(quantile_us(bounds_us, even, 4, 500), 1000);
    assert_int_equal(quantile_us(bounds_us, even, 4, 750), 1500);
    assert_int_equal(quantile_us(bounds_us, even, 4, 1000), 2000);
    assert_int_equal(quantile_us(bounds_us, beyond, 4, 500), 4000);
    assert_int_equal(quantile_us(bounds_us, one, 4, 500), 3000);
}

static void test_addresses(void **state)
{
    struct unix_address address;
    char longest[109];

    (void)state;
    memset(longest, 'x', 108);
    longest[108] = '\0';
    assert_null(unix_address_parse("@a", &address));
    assert_true(address.is_abstract);
    assert_int_equal(address.len, sizeof(sa_family_t) + 2);
    assert_memory_equal(address.socket.sun_path, "\0a", 2);
    assert_null(unix_address_parse("unix:@a", &address));
    assert_string_equal(address.name, "@a");
    assert_null(unix_address_parse("unix:a:b", &address));
    assert_string_equal(address.socket.sun_path, "a:b");
    assert_null(unix_address_parse("/a:b", &address));
    assert_int_equal(address.len, sizeof(sa_family_t) + 5);
    assert_non_null(unix_address_parse("", &address));
    assert_non_null(unix_address_parse("@", &address));
    assert_non_null(unix_address_parse("unix:", &address));
    assert_non_null(unix_address_parse("localhost:80", &address));
    assert_non_null(unix_address_parse(longest, &address));
    assert_null(unix_address_parse(longest + 1, &address));
    assert_non_null(unix_address_parse("/a\nb", &address));
    assert_non_null(unix_address_parse("@\x1b", &address));
}

static void test_nothing_moves_the_cursor(void **state)
{
    char out[32];

    (void)state;
    assert_string_equal(visible_copy(out, sizeof(out), SLICE("a\"\\\x1b\n\xff")), "a\"\\\\x1b\\x0a\\xff");
    assert_string_equal(visible_copy(out, 5, SLICE("abcdef")), "a");
    assert_string_equal(visible_copy(out, sizeof(out), slice_of("", 0)), "");
}

/* Runs a view over this text. */
static char *view(char *out, const char *text, const char *before_text)
{
    static char now_copy[TEXT_BYTES], before_copy[TEXT_BYTES];
    struct json_tree *now, *before = NULL;
    struct status_samples samples = {.now = NULL};
    struct buf buf;

    snprintf(now_copy, sizeof(now_copy), "%s", text);
    now = json_tree_read(now_copy, strlen(now_copy));
    assert_non_null(now);
    samples.now = json_tree_root(now);
    if (before_text != NULL) {
        snprintf(before_copy, sizeof(before_copy), "%s", before_text);
        before = json_tree_read(before_copy, strlen(before_copy));
        samples.before = json_tree_root(before);
    }
    buf_init(&buf);
    assert_int_equal(status_view_all(&samples, &buf), 0);
    for (size_t i = 0; i < buf.len; i++)
        assert_true(buf.ptr[i] == '\n' || (buf.ptr[i] >= ' ' && buf.ptr[i] <= '~'));
    snprintf(out, TEXT_BYTES, "%.*s", (int)buf.len, buf.ptr);
    buf_fini(&buf);
    json_tree_free(now);
    json_tree_free(before);
    return out;
}

static void test_nonsense_is_shown_as_such(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "7",
        "{\"server\":7,\"workers\":{\"a\":1},\"times\":[1,2],\"requests\":\"x\",\"bounds_us\":\"y\"}",
        "{\"bounds_us\":[],\"times\":{\"queue\":{\"counts\":[1]}}}",
        "{\"bounds_us\":[1],\"times\":{\"queue\":{\"counts\":[-1,9223372036854775807],\"sum_us\":-5}}}",
        "{\"workers\":[1,\"x\",null,{\"running\":[1,{\"age_us\":\"x\"}]}]}",
        "{\"server\":{\"version\":\"\\u001b[2J\"}}",
        "{\"workers\":[{\"state\":\"\\n\",\"running\":[{\"target\":\"\\u0007\"}]}]}",
    };
    char out[TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        assert_true(strlen(view(out, texts[i], NULL)) > 0);
        assert_true(strlen(view(out, texts[i], texts[0])) > 0);
    }
}

static void test_the_oldest_request_comes_first(void **state)
{
    char out[TEXT_BYTES];

    (void)state;
    view(out,
         "{\"workers\":[{\"number\":1,\"running\":[{\"thread\":1,\"age_us\":5,\"method\":\"GET\",\"target\":\"/young\","
         "\"phase\":\"app\",\"client\":\"10.0.0.1:9\"}]},{\"number\":2,\"running\":[{\"thread\":3,\"age_us\":7000000,"
         "\"method\":\"GET\",\"target\":\"/old\",\"phase\":\"gil\"}]}]}",
         NULL);
    assert_non_null(strstr(out, "   7.0s gil        2      3                       GET /old\n"
                                "    5us app        1      1 10.0.0.1:9            GET /young\n"));
}

#define SAMPLE(now_us, count, requests, pid)                                                                           \
    "{\"now_us\":" now_us ",\"bounds_us\":[1000,2000],\"times\":{\"app\":{\"sum_us\":" count                           \
    "500,\"counts\":[0," count ",0]}},\"requests\":{\"finished\":" requests                                            \
    "},\"workers\":[{\"number\":1,\"row\":0,\"pid\":" pid ",\"state\":\"ready\",\"requests\":" requests                \
    ",\"gil_wait_us\":" requests "}]}"

static void test_rates_are_differences(void **state)
{
    char out[TEXT_BYTES];

    (void)state;
    view(out, SAMPLE("3000000", "4", "150", "7"), SAMPLE("1000000", "3", "50", "7"));
    assert_non_null(strstr(out, "requests    150 finished, 0 running, 0 queued, 50.0/s\n"));
    assert_non_null(strstr(out, "app               1ms     1.5ms     1.9ms     2.0ms\n"));
    assert_non_null(strstr(out, "     150   50.0    1us"));
    /* Another process, or figures that have gone back: no rate. */
    view(out, SAMPLE("3000000", "4", "150", "7"), SAMPLE("1000000", "3", "50", "8"));
    assert_non_null(strstr(out, "     150      -    1us"));
    view(out, SAMPLE("1000000", "3", "50", "7"), SAMPLE("3000000", "4", "150", "7"));
    assert_non_null(strstr(out, "queued, 0/s\n"));
}

static void test_stacks(void **state)
{
    char text[] = "{\"workers\":[{\"number\":1,\"pid\":5,\"is_answered\":true,\"stacks\":\"File \\\"a.py\\\"\\n\\n"
                  "\\u001b[1mb\",\"running\":[{\"thread\":2,\"method\":\"GET\",\"target\":\"/x\",\"age_us\":1000,"
                  "\"phase\":\"app\",\"client\":\"\"}]},{\"number\":2,\"pid\":6,\"is_answered\":false,\"stacks\":null},"
                  "{\"number\":3,\"pid\":7,\"is_answered\":true},{\"number\":4,\"pid\":8,\"state\":\"starting\"}]}";
    struct json_tree *tree = json_tree_read(text, strlen(text));
    struct buf buf;

    (void)state;
    buf_init(&buf);
    assert_int_equal(stacks_view_all(json_tree_root(tree), &buf), 0);
    assert_int_equal(buf_append(&buf, slice_of("", 1)), 0);
    assert_string_equal(buf.ptr, "worker 1 (pid: 5)\n  app thread 2: GET /x for 1ms, app\n  File \"a.py\"\n\n"
                                 "  \\x1b[1mb\n\n"
                                 "worker 2 (pid: 6)\n  runs no request\n  worker 2 did not answer\n\n"
                                 "worker 3 (pid: 7)\n  runs no request\n  the stacks cannot be had: its main thread "
                                 "takes no signals\n\n"
                                 "worker 4 (pid: 8)\n  runs no request\n  is still starting\n");
    buf_fini(&buf);
    json_tree_free(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_nothing_moves_the_cursor),
        cmocka_unit_test(test_nonsense_is_shown_as_such),
        cmocka_unit_test(test_the_oldest_request_comes_first),
        cmocka_unit_test(test_rates_are_differences),
        cmocka_unit_test(test_stacks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
