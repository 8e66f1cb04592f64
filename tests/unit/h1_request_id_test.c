/* SPDX-License-Identifier: MIT
 * Ids of requests: which of them are believed, and those that are made. */
#include "h1_request_id.h"

#include <stdlib.h>
#include <string.h>

#include "h1_parse.h"
#include "unit.h"

static const struct h1_settings settings = {.field_limit = 4, .request_id_header = {"X-Request-ID", 12}};

/* A request with these fields, trusted or not; to be freed. */
static struct h1_parse *parse_of(const struct header *fields, size_t count, bool is_trusted)
{
    struct h1_parse *parse = calloc(1, h1_parse_size(&settings));

    assert_non_null(parse);
    h1_parse_init(parse, &settings, NULL, NULL);
    parse->is_peer_trusted = is_trusted;
    memcpy(parse->fields, fields, count * sizeof(*fields));
    parse->request.headers = parse->fields;
    parse->request.header_count = parse->field_count = count;
    return parse;
}

static bool is_made(struct slice id)
{
    static const char form[] = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";

    for (size_t i = 0; i < id.len && id.len == sizeof(form) - 1; i++) {
        const char *allowed = form[i] == 'x'   ? "0123456789abcdef"
                              : form[i] == 'y' ? "89ab"
                              : form[i] == '4' ? "4"
                                               : "-";

        if (strchr(allowed, id.ptr[i]) == NULL)
            return false;
    }
    return id.len == sizeof(form) - 1;
}

static void test_what_is_sane(void **state)
{
    char text[H1_REQUEST_ID_MOST + 1];

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_true(h1_request_id_is_sane(SLICE("!~\"\\")));
    assert_true(h1_request_id_is_sane(slice_of(text, H1_REQUEST_ID_MOST)));
    assert_false(h1_request_id_is_sane(slice_of(text, H1_REQUEST_ID_MOST + 1)));
    assert_false(h1_request_id_is_sane(slice_of(text, 0)));
    for (int c = 0; c < 256; c++) {
        text[1] = (char)c;
        assert_int_equal(h1_request_id_is_sane(slice_of(text, 3)), c > 32 && c < 127);
    }
}

static void test_made_ids_differ(void **state)
{
    struct h1_request_ids one = {.state = {0}}, other = {.state = {0}};
    char first[H1_REQUEST_ID_BYTES], second[H1_REQUEST_ID_BYTES];

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_true(is_made(h1_request_id_make(&one)));
    memcpy(first, h1_request_id_make(&one).ptr, sizeof(first));
    memcpy(second, h1_request_id_make(&one).ptr, sizeof(second));
    assert_memory_not_equal(first, second, sizeof(first));
    assert_memory_not_equal(h1_request_id_make(&other).ptr, second, sizeof(second));
}

static void test_a_trusted_id_is_kept(void **state)
{
    const struct header fields[] = {{{"Host", 4}, {"a", 1}, HEADER_HOST},
                                    {{"x-request-id", 12}, {"of-the-proxy", 12}, HEADER_X_REQUEST_ID}};
    struct h1_request_ids ids = {.state = {0}};
    struct h1_parse *parse = parse_of(fields, 2, true);

    (void)state;
    assert_true(slice_equal(h1_request_id_settle(&ids, parse), SLICE("of-the-proxy")));
    assert_int_equal(parse->request.header_count, 2);
    free(parse);
}

static void check_replaced(const struct header *fields, size_t count, bool is_trusted, size_t left, size_t at)
{
    struct h1_request_ids ids = {.state = {0}};
    struct h1_parse *parse = parse_of(fields, count, is_trusted);
    struct slice id = h1_request_id_settle(&ids, parse);

    assert_true(is_made(id));
    assert_int_equal(parse->request.header_count, left);
    assert_true(slice_equal(parse->request.headers[at].value, id));
    assert_int_equal(parse->request.headers[at].id, HEADER_X_REQUEST_ID);
    free(parse);
}

static void test_others_are_replaced(void **state)
{
    const struct header fields[] = {{{"X-Request-ID", 12}, {"one", 3}, HEADER_X_REQUEST_ID},
                                    {{"A", 1}, {"a", 1}, HEADER_UNKNOWN},
                                    {{"X-Request-ID", 12}, {"two", 3}, HEADER_X_REQUEST_ID},
                                    {{"B", 1}, {"b", 1}, HEADER_UNKNOWN}};
    const struct header empty = {{"X-Request-ID", 12}, {"", 0}, HEADER_X_REQUEST_ID};

    (void)state;
    check_replaced(fields, 1, false, 1, 0); /* nobody trusts the peer */
    check_replaced(fields, 4, true, 3, 0);  /* it has come twice */
    check_replaced(&fields[1], 1, true, 2, 1);
    check_replaced(&empty, 1, true, 1, 0);
    check_replaced(fields, 0, true, 1, 0);
}

static void test_there_is_room_beside_as_many_fields_as_may_come(void **state)
{
    const struct header one = {{"A", 1}, {"a", 1}, HEADER_UNKNOWN};
    const struct header fields[] = {one, one, one, one};

    (void)state;
    check_replaced(fields, 4, true, 5, 4);
}

static void test_of_what_is_refused(void **state)
{
    const struct header fields[] = {{{"X-Request-ID", 12}, {"one \t", 5}, HEADER_UNKNOWN},
                                    {{"x-request-id", 12}, {"two", 3}, HEADER_UNKNOWN}};
    struct h1_request_ids ids = {.state = {0}};
    struct h1_parse *parse = parse_of(fields, 1, true);

    (void)state;
    assert_true(is_made(h1_request_id_of_refused(&ids, NULL)));
    parse->is_head_done = true;
    assert_true(slice_equal(h1_request_id_of_refused(&ids, parse), SLICE("one")));
    assert_int_equal(parse->fields[0].value.len, 5);
    parse->request.headers = NULL; /* the rules have stopped */
    assert_true(slice_equal(h1_request_id_of_refused(&ids, parse), SLICE("one")));
    parse->fields[1] = parse->fields[0]; /* and it has been moved */
    parse->field_count = 2;
    assert_true(slice_equal(h1_request_id_of_refused(&ids, parse), SLICE("one")));
    parse->fields[1] = fields[1];
    assert_true(is_made(h1_request_id_of_refused(&ids, parse)));
    parse->field_count = 1;
    parse->is_peer_trusted = false;
    assert_true(is_made(h1_request_id_of_refused(&ids, parse)));
    free(parse);
}

static void test_how_it_is_seen(void **state)
{
    char text[H1_REQUEST_ID_MOST], field[H1_REQUEST_ID_FIELD_BYTES], shown[H1_REQUEST_ID_SHOWN_BYTES];
    char name[H1_REQUEST_ID_NAME_MOST];

    (void)state;
    memset(text, '"', sizeof(text));
    memset(name, 'N', sizeof(name));
    h1_request_id_format_field(field, slice_of(name, sizeof(name)), slice_of(text, sizeof(text)));
    assert_int_equal(strlen(field), sizeof(field) - 1);
    assert_string_equal(field + sizeof(field) - 4, "\"\r\n");
    h1_request_id_show(shown, slice_of(text, sizeof(text)));
    assert_int_equal(strlen(shown), sizeof(shown) - 1);
    assert_string_equal(shown + sizeof(shown) - 6, "\\x22)");
    h1_request_id_format_field(field, SLICE("A"), slice_of(NULL, 0));
    h1_request_id_show(shown, slice_of(NULL, 0));
    assert_string_equal(field, "");
    assert_string_equal(shown, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_sane),
        cmocka_unit_test(test_made_ids_differ),
        cmocka_unit_test(test_a_trusted_id_is_kept),
        cmocka_unit_test(test_others_are_replaced),
        cmocka_unit_test(test_there_is_room_beside_as_many_fields_as_may_come),
        cmocka_unit_test(test_of_what_is_refused),
        cmocka_unit_test(test_how_it_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
