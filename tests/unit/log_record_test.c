/* SPDX-License-Identifier: MIT
 * Records of the error log: always JSON, whatever is in them. */
#include "log_record.h"

#include <stdlib.h>
#include <string.h>

#include "json_text.h"
#include "unit.h"

/* The string that a text becomes; static storage. */
static const char *string_of(struct slice text)
{
    static char out[1024];
    struct json_text json = {.out = out, .size = sizeof(out) - 1};

    json_text_put_string(&json, text);
    assert_false(json.is_full);
    out[json.len] = '\0';
    return out;
}

static void test_strings(void **state)
{
    (void)state;
    assert_string_equal(string_of(SLICE("a \"b\" \\ \x01\n\t\x7f")), "\"a \\\"b\\\" \\\\ \\u0001\\n\\u0009\\u007f\"");
    assert_string_equal(string_of(SLICE("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80")),
                        "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"");
    assert_string_equal(string_of(SLICE("\xc2\x85\xe2\x80\xa8\xe2\x80\xa9")), "\"\\u0085\\u2028\\u2029\"");
    assert_string_equal(string_of(slice_of("a\0b", 3)), "\"a\\u0000b\"");
}

/* Cut short, overlong, a surrogate, beyond the last character, a byte that never is. */
static void test_what_is_no_utf_8(void **state)
{
    (void)state;
    assert_string_equal(string_of(SLICE("\xe9")), "\"\\u00e9\"");
    assert_string_equal(string_of(SLICE("\xc3(")), "\"\\u00c3(\"");
    assert_string_equal(string_of(SLICE("\xe2\x82")), "\"\\u00e2\\u0082\"");
    assert_string_equal(string_of(SLICE("\xc0\xaf")), "\"\\u00c0\\u00af\"");
    assert_string_equal(string_of(SLICE("\xed\xa0\x80")), "\"\\u00ed\\u00a0\\u0080\"");
    assert_string_equal(string_of(SLICE("\xf4\x90\x80\x80")), "\"\\u00f4\\u0090\\u0080\\u0080\"");
    assert_string_equal(string_of(SLICE("\xff")), "\"\\u00ff\"");
}

static void test_no_byte_beyond_the_size(void **state)
{
    char out[8];

    (void)state;
    for (size_t size = 0; size < sizeof(out); size++) {
        struct json_text json = {.out = out, .size = size};

        memset(out, '#', sizeof(out));
        json_text_put_string(&json, SLICE("\x01\x02"));
        assert_true(json.is_full && json.len <= size && out[size] == '#');
    }
}

static void test_a_record(void **state)
{
    const struct log_about about = {.request_id = SLICE("a\"b"), .trace_id = SLICE("11"), .span_id = SLICE("22")};
    const struct log_record record = {
        .has_level = true,
        .level = LOG_LEVEL_WARNING,
        .role = "worker 1",
        .body = SLICE("it said:"),
        .about = &about,
        .details_name = "exception.stacktrace",
        .details = SLICE("one\ntwo"),
    };
    char out[4096];
    size_t len = log_record_format(&record, out, sizeof(out) - 1);

    (void)state;
    assert_true(len > 0);
    out[len] = '\0';
    assert_non_null(strstr(out, "Z\", \"SeverityText\": \"WARN\", \"SeverityNumber\": 13, \"Body\": \"it said:\", "
                                "\"TraceId\": \"11\", \"SpanId\": \"22\", \"Attributes\": {\"process.pid\": "));
    assert_non_null(strstr(out, ", \"clutch.role\": \"worker 1\", \"clutch.request_id\": \"a\\\"b\", "
                                "\"exception.stacktrace\": \"one\\ntwo\"}}\n"));
}

/* The longest that a text can become fits what is asked for it. */
static void test_there_is_room_for_everything(void **state)
{
    static char bytes[5000];
    struct log_about about = {.request_id = slice_of(bytes, 128), .trace_id = slice_of(bytes, 32)};
    struct log_record record = {
        .has_level = true,
        .level = LOG_LEVEL_CRITICAL,
        .role = "worker 1024",
        .body = slice_of(bytes, sizeof(bytes)),
        .stream = "stderr",
        .about = &about,
        .details_name = "exception.stacktrace",
        .details = slice_of(bytes, sizeof(bytes)),
    };
    size_t size = log_record_bytes(&record);
    char *out = malloc(size);

    (void)state;
    memset(bytes, 0xff, sizeof(bytes));
    assert_non_null(out);
    assert_true(log_record_format(&record, out, size) > 0);
    assert_int_equal(log_record_format(&record, out, size / 2), 0);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_what_is_no_utf_8),
        cmocka_unit_test(test_no_byte_beyond_the_size),
        cmocka_unit_test(test_a_record),
        cmocka_unit_test(test_there_is_room_for_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
