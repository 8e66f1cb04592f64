/* SPDX-License-Identifier: MIT
 * Which client, scheme and host come out of the fields of a trusted proxy, and what is refused. */
#include "unit.h"

#include "h1_forwarded.h"

static struct cidr_list trusted;

enum { MOST_FIELDS = 6 };

/* A request with pairs of a name and a value. */
struct fields {
    struct header headers[MOST_FIELDS];
    size_t count;
};

#define FIELDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct fields make_fields(const char *const *texts)
{
    struct fields fields = {0};

    for (; *texts != NULL; texts += 2) {
        struct slice name = slice_of_string(texts[0]);

        fields.headers[fields.count++] =
            (struct header){.name = name, .value = slice_of_string(texts[1]), .id = known_header_find(name)};
    }
    return fields;
}

static enum h1_reason read_with(unsigned wanted, const char *const *texts, struct h1_forwarded *told)
{
    struct h1_settings settings = {.trusted = &trusted, .forwarded_fields = wanted};
    struct fields fields = make_fields(texts);
    struct request request = {.headers = fields.headers, .header_count = fields.count};
    const struct header *culprit = NULL;
    enum h1_reason reason = h1_forwarded_read(&settings, &request, told, &culprit);

    assert_true(reason == H1_REASON_NONE || culprit != NULL);
    return reason;
}

/* Asserts who the client is: "" when nobody was named, "unknown", an address, or "address port". */
static void client_is(const char *const *texts, const char *expected)
{
    struct h1_forwarded told;
    char text[CIDR_TEXT_BYTES + 8] = "";

    assert_int_equal(read_with(~0u, texts, &told), H1_REASON_NONE);
    if (told.has_client && told.client.len == 0)
        strcpy(text, "unknown");
    else if (told.has_client)
        ip_address_format(&told.client, text);
    if (told.port != 0)
        snprintf(text + strlen(text), 8, " %u", (unsigned)told.port);
    assert_string_equal(text, expected);
}

static void refused(const char *const *texts, enum h1_reason expected)
{
    struct h1_forwarded told;

    assert_int_equal(read_with(~0u, texts, &told), expected);
}

static void the_last_that_is_no_proxy_is_the_client(void **state)
{
    (void)state;
    client_is(FIELDS("X-Forwarded-For", "192.0.2.1"), "192.0.2.1");
    client_is(FIELDS("X-Forwarded-For", "198.51.100.66, 192.0.2.1"), "192.0.2.1");
    client_is(FIELDS("X-Forwarded-For", "198.51.100.66, 192.0.2.1,10.0.0.5 ,\t10.9.9.9"), "192.0.2.1");
    client_is(FIELDS("X-Forwarded-For", "10.0.0.1, 10.0.0.2"), "10.0.0.1");
    client_is(FIELDS("X-Forwarded-For", "192.0.2.1", "x-forwarded-for", "10.0.0.1"), "192.0.2.1");
    client_is(FIELDS("X-Forwarded-For", "192.0.2.1", "X-Other", "y", "X-Forwarded-For", "192.0.2.2"), "192.0.2.2");
    client_is(FIELDS("X-Forwarded-For", ", 192.0.2.1,,"), "192.0.2.1");
    client_is(FIELDS("X-Forwarded-For", ""), "");
}

static void addresses_in_all_forms(void **state)
{
    (void)state;
    client_is(FIELDS("X-Forwarded-For", "2001:DB8:0:0::1"), "2001:db8::1");
    client_is(FIELDS("X-Forwarded-For", "[2001:db8::1]"), "2001:db8::1");
    client_is(FIELDS("X-Forwarded-For", "[2001:db8::1]:4711"), "2001:db8::1 4711");
    client_is(FIELDS("X-Forwarded-For", "192.0.2.1:4711"), "192.0.2.1 4711");
    client_is(FIELDS("X-Forwarded-For", "::ffff:192.0.2.1"), "192.0.2.1");
    client_is(FIELDS("X-Forwarded-For", "192.0.2.1, ::ffff:10.0.0.1"), "192.0.2.1");
    client_is(FIELDS("X-Forwarded-For", "unknown"), "unknown");
    client_is(FIELDS("X-Forwarded-For", "192.0.2.1, unknown, 10.0.0.1"), "unknown");
}

static void garbage_counts_only_where_it_is_believed(void **state)
{
    static const char *const bad[] = {
        "nobody",        "192.0.2", "192.0.2.1:",    "192.0.2.1:x", "192.0.2.1:65536", "192.0.2.1/8", "[192.0.2.1]",
        "[2001:db8::1",  "[]",      "[::1]4711",     "[::1]:",      "fe80::1%eth0",    "192.0.2.1 b", "_hidden",
        "\"192.0.2.1\"", "1:2",     "192.0.2.1;x=y", "010.0.0.1",   "[fe80::1%1]:80"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        char list[100];

        refused(FIELDS("X-Forwarded-For", bad[i]), H1_REASON_FORWARDED_CLIENT);
        snprintf(list, sizeof(list), "%s, 10.0.0.1", bad[i]);
        refused(FIELDS("X-Forwarded-For", list), H1_REASON_FORWARDED_CLIENT);
        snprintf(list, sizeof(list), "%s, 192.0.2.7", bad[i]);
        client_is(FIELDS("X-Forwarded-For", list), "192.0.2.7"); /* the client's own word, not believed */
    }
}

static void scheme_and_host(void **state)
{
    struct h1_forwarded told;

    (void)state;
    assert_int_equal(read_with(~0u, FIELDS("X-Forwarded-Proto", "HTTPS", "X-Forwarded-Host", "a.example:8443"), &told),
                     H1_REASON_NONE);
    assert_int_equal(told.scheme, H1_SCHEME_HTTPS);
    assert_true(slice_equal(told.host, SLICE("a.example:8443")) && !told.has_client);
    assert_int_equal(read_with(~0u, FIELDS("X-Forwarded-Proto", "http"), &told), H1_REASON_NONE);
    assert_int_equal(told.scheme, H1_SCHEME_HTTP);
    refused(FIELDS("X-Forwarded-Proto", "wss"), H1_REASON_FORWARDED_SCHEME);
    refused(FIELDS("X-Forwarded-Proto", ""), H1_REASON_FORWARDED_SCHEME);
    refused(FIELDS("X-Forwarded-Proto", "https, http"), H1_REASON_FORWARDED_SCHEME);
    refused(FIELDS("X-Forwarded-Proto", "https", "X-Forwarded-Proto", "https"), H1_REASON_FORWARDED_TWICE);
    refused(FIELDS("X-Forwarded-Host", "a b"), H1_REASON_FORWARDED_HOST);
    refused(FIELDS("X-Forwarded-Host", ""), H1_REASON_FORWARDED_HOST);
    refused(FIELDS("X-Forwarded-Host", "a/b"), H1_REASON_FORWARDED_HOST);
    refused(FIELDS("X-Forwarded-Host", "a,b"), H1_REASON_FORWARDED_HOST); /* of two proxies, like "https, http" */
    refused(FIELDS("X-Forwarded-Host", "a, b"), H1_REASON_FORWARDED_HOST);
    refused(FIELDS("X-Forwarded-Host", ",a"), H1_REASON_FORWARDED_HOST);
    refused(FIELDS("Forwarded", "host=\"a,b\""), H1_REASON_FORWARDED_HOST);
    refused(FIELDS("X-Forwarded-Host", "a", "X-Forwarded-Host", "a"), H1_REASON_FORWARDED_TWICE);
}

static void only_named_fields_count(void **state)
{
    const char *const *all =
        FIELDS("X-Forwarded-For", "x", "X-Forwarded-Proto", "x", "X-Forwarded-Host", "/", "Forwarded", "=");
    struct h1_forwarded told;

    (void)state;
    assert_int_equal(read_with(0, all, &told), H1_REASON_NONE);
    assert_true(!told.has_client && told.scheme == H1_SCHEME_UNTOLD && told.host.len == 0);
    assert_int_equal(read_with(H1_X_FORWARDED_FOR, all, &told), H1_REASON_FORWARDED_CLIENT);
    assert_int_equal(read_with(H1_X_FORWARDED_PROTO, all, &told), H1_REASON_FORWARDED_SCHEME);
    assert_int_equal(read_with(H1_X_FORWARDED_HOST, all, &told), H1_REASON_FORWARDED_HOST);
    assert_int_equal(read_with(H1_FORWARDED, all, &told), H1_REASON_FORWARDED_MALFORMED);
}

static void forwarded_is_read(void **state)
{
    struct h1_forwarded told;

    (void)state;
    client_is(FIELDS("Forwarded", "for=192.0.2.1"), "192.0.2.1");
    client_is(FIELDS("Forwarded", "For=\"[2001:db8::1]:4711\";proto=http;by=10.0.0.1"), "2001:db8::1 4711");
    client_is(FIELDS("Forwarded", "for=198.51.100.66, for=192.0.2.1;ext=\"a,b;\\\"c\" ,for=10.0.0.1"), "192.0.2.1");
    client_is(FIELDS("Forwarded", "for=192.0.2.1", "Forwarded", "for=10.0.0.1"), "192.0.2.1");
    client_is(FIELDS("Forwarded", "for=unknown"), "unknown");
    client_is(FIELDS("Forwarded", "for=_hidden, for=10.0.0.1"), "unknown");
    client_is(FIELDS("Forwarded", "for=\"_hidden:_port\""), "unknown");
    client_is(FIELDS("Forwarded", "for=192.0.2.1, proto=https"), ""); /* the last proxy says nothing of its client */
    client_is(FIELDS("Forwarded", "for=nobody, for=192.0.2.1"), "192.0.2.1");
    assert_int_equal(
        read_with(~0u,
                  FIELDS("Forwarded", "for=1.1.1.1;host=evil, for=192.0.2.1;proto=https;host=\"a:1\", for=10.0.0.1"),
                  &told),
        H1_REASON_NONE);
    assert_true(told.scheme == H1_SCHEME_HTTPS && slice_equal(told.host, SLICE("a:1")));
}

/* RFC 7239 4: each pair of an element may be left out. */
static void pairs_may_be_left_out(void **state)
{
    static const char *const lists[] = {"for=192.0.2.1;", ";for=192.0.2.1", ";;for=192.0.2.1;;;proto=http;;",
                                        "for=198.51.100.66;, for=192.0.2.1; ,;for=10.0.0.1", ", ,for=192.0.2.1;,,"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(lists); i++)
        client_is(FIELDS("Forwarded", lists[i]), "192.0.2.1");
    client_is(FIELDS("Forwarded", ";"), "");
    client_is(FIELDS("Forwarded", "for=192.0.2.1, ;;"), ""); /* the last proxy says nothing of its client */
}

static void malformed_forwarded_is_refused(void **state)
{
    static const char *const bad[] = {"for",
                                      "for=",
                                      "=x",
                                      "for=192.0.2.1 ;proto=http",
                                      "for =x",
                                      "for= x",
                                      "for=\"x",
                                      "for=\"x\\\"",
                                      "for=a;for=b",
                                      "for=::1",
                                      "for=[::1]",
                                      "for=\"192.0.2.1\"x",
                                      "for=a b",
                                      "\"for\"=a",
                                      "for=\"\"",
                                      "for=192.0.2.1:80",
                                      "for=\"192.0.2\\.1\"",
                                      "a=b; c=d",
                                      "; a=b",
                                      ";=",
                                      ";;for"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        char list[100];

        refused(FIELDS("Forwarded", bad[i]), H1_REASON_FORWARDED_MALFORMED);
        snprintf(list, sizeof(list), "%s, for=192.0.2.1", bad[i]); /* nobody can say where that element ends */
        refused(FIELDS("Forwarded", list), H1_REASON_FORWARDED_MALFORMED);
    }
    refused(FIELDS("Forwarded", "for=nobody"), H1_REASON_FORWARDED_CLIENT);
    refused(FIELDS("Forwarded", "for=\"::1\""), H1_REASON_FORWARDED_CLIENT); /* needs brackets */
    refused(FIELDS("Forwarded", "for=\"[192.0.2.1]\""), H1_REASON_FORWARDED_CLIENT);
    refused(FIELDS("Forwarded", "proto=ftp"), H1_REASON_FORWARDED_SCHEME);
    refused(FIELDS("Forwarded", "host=\"a/b\""), H1_REASON_FORWARDED_HOST);
}

static void both_kinds_must_agree(void **state)
{
    (void)state;
    client_is(FIELDS("Forwarded", "for=\"192.0.2.1:99\";proto=https", "X-Forwarded-For", "192.0.2.1",
                     "X-Forwarded-Proto", "https"),
              "192.0.2.1 99");
    refused(FIELDS("Forwarded", "for=192.0.2.1", "X-Forwarded-For", "192.0.2.2"), H1_REASON_FORWARDED_DISAGREE);
    refused(FIELDS("Forwarded", "for=192.0.2.1", "X-Forwarded-Proto", "http"), H1_REASON_FORWARDED_DISAGREE);
    refused(FIELDS("Forwarded", "host=evil", "X-Forwarded-For", "192.0.2.1"), H1_REASON_FORWARDED_DISAGREE);
}

static int set_up(void **state)
{
    struct slice wrong;

    (void)state;
    return cidr_list_add(&trusted, SLICE("10.0.0.0/8,*"), &wrong) == CIDR_DONE ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    cidr_list_fini(&trusted);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_that_is_no_proxy_is_the_client),
        cmocka_unit_test(addresses_in_all_forms),
        cmocka_unit_test(garbage_counts_only_where_it_is_believed),
        cmocka_unit_test(scheme_and_host),
        cmocka_unit_test(only_named_fields_count),
        cmocka_unit_test(forwarded_is_read),
        cmocka_unit_test(pairs_may_be_left_out),
        cmocka_unit_test(malformed_forwarded_is_refused),
        cmocka_unit_test(both_kinds_must_agree),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
