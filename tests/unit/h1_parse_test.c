/* SPDX-License-Identifier: MIT
 * Every input is fed whole, byte by byte, and cut at every position, and must give the same result. */
#include "unit.h"

#include "buf.h"
#include "h1_parse.h"

static const struct h1_settings settings = {
    .line_limit_bytes = 100,
    .head_limit_bytes = 400,
    .field_limit = 8,
    .body_limit_bytes = 1000,
    .body_memory_bytes = 1000,
};

/* The caller of a parser: the head in memory that moves as it grows, the body collected. */
struct feeder {
    struct h1_parse *parse;
    struct buf head, body;
    enum h1_parse_result result;
    size_t left; /* bytes behind the message */
};

static int collect(void *context, struct slice bytes)
{
    struct feeder *feeder = context;

    if (feeder->body.len + bytes.len > settings.body_limit_bytes)
        return 413;
    return buf_append(&feeder->body, bytes) == 0 ? 0 : 500;
}

static void feeder_init(struct feeder *feeder)
{
    *feeder = (struct feeder){.parse = malloc(h1_parse_size(&settings))};
    h1_parse_init(feeder->parse, &settings, collect, feeder);
}

static void feeder_fini(struct feeder *feeder)
{
    free(feeder->parse);
    buf_fini(&feeder->head);
    buf_fini(&feeder->body);
}

/* Feeds from fresh memory each time, so that a slice left pointing to the old place is caught by the sanitizer. */
static void feed(struct feeder *feeder, struct slice bytes)
{
    struct buf moved = {0};
    size_t used, kept = feeder->head.len;

    if (feeder->parse->start == NULL)
        kept = 0;
    assert_int_equal(buf_append(&moved, slice_of(feeder->head.ptr, kept)), 0);
    assert_int_equal(buf_append(&moved, bytes), 0);
    if (feeder->parse->start != NULL)
        h1_parse_rebase(feeder->parse, moved.ptr + (feeder->parse->start - feeder->head.ptr));
    feeder->result = h1_parse_feed(feeder->parse, slice_of(moved.ptr + kept, bytes.len), &used);
    feeder->left = bytes.len - used;
    buf_fini(&feeder->head);
    feeder->head = moved;
}

static bool is_equal(const char *expected, struct slice got)
{
    return slice_equal(slice_of_string(expected), got);
}

struct expectation {
    const char *input;
    int status; /* 0: accepted */
    const char *method, *path, *query, *authority, *body;
    size_t left;
};

static void check(const struct feeder *feeder, const struct expectation *expected)
{
    const struct request *request = &feeder->parse->request;

    int status = h1_reason_status(feeder->parse->refusal.reason);

    if (status != expected->status)
        print_message("input: %s\n", expected->input);
    if (expected->status != 0) {
        assert_int_equal(feeder->result, H1_REFUSED);
        assert_int_equal(status, expected->status);
        return;
    }
    assert_int_equal(feeder->result, H1_MESSAGE_DONE);
    assert_true(is_equal(expected->method, request->method));
    assert_true(is_equal(expected->path, request->path));
    assert_true(is_equal(expected->query, request->query));
    assert_true(is_equal(expected->authority, request->authority));
    assert_true(is_equal(expected->body, buf_slice(&feeder->body)));
}

static void check_whole(const struct expectation *expected)
{
    struct feeder feeder;

    feeder_init(&feeder);
    feed(&feeder, slice_of_string(expected->input));
    check(&feeder, expected);
    if (expected->status == 0)
        assert_int_equal(feeder.left, expected->left);
    feeder_fini(&feeder);
}

static void check_bytewise(const struct expectation *expected)
{
    size_t len = strlen(expected->input), i;
    struct feeder feeder;

    feeder_init(&feeder);
    for (i = 0; i < len && (i == 0 || feeder.result == H1_NEED_MORE); i++)
        feed(&feeder, slice_of(expected->input + i, 1));
    check(&feeder, expected);
    if (expected->status == 0)
        assert_int_equal(len - i, expected->left);
    feeder_fini(&feeder);
}

static void check_cut(const struct expectation *expected, size_t cut)
{
    size_t len = strlen(expected->input);
    struct feeder feeder;

    feeder_init(&feeder);
    feed(&feeder, slice_of(expected->input, cut));
    if (feeder.result == H1_NEED_MORE)
        feed(&feeder, slice_of(expected->input + cut, len - cut));
    check(&feeder, expected);
    feeder_fini(&feeder);
}

static void check_every_way(const struct expectation *expected)
{
    check_whole(expected);
    check_bytewise(expected);
    for (size_t cut = 1; cut < strlen(expected->input); cut++)
        check_cut(expected, cut);
}

#define HOST "Host: a\r\n"

static void good_requests_are_taken(void **state)
{
    static const struct expectation good[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", 0, "GET", "/", "", "a", "", 0},
        {"\r\nGET /a%20b?c=d HTTP/1.1\r\n" HOST "\r\n", 0, "GET", "/a%20b", "c=d", "a", "", 0},
        {"GET /? HTTP/1.0\r\n\r\n", 0, "GET", "/", "", "", "", 0},
        {"GET http://b:80/x?y HTTP/1.1\r\nHost: other\r\n\r\n", 0, "GET", "/x", "y", "b:80", "", 0},
        {"GET http://b?y HTTP/1.1\r\n" HOST "\r\n", 0, "GET", "/", "y", "b", "", 0},
        {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0, "OPTIONS", "*", "", "a", "", 0},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhelloGET", 0, "POST", "/", "", "a", "hello", 3},
        {"POST / HTTP/1.1\r\n" HOST
         "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\nrest",
         0, "POST", "/", "", "a", "abcde", 4},
        {"GET / HTTP/1.1\r\nHost: [::1]:8000\r\nX-Empty:\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", 0, "GET", "/",
         "", "[::1]:8000", "", 0},
        {"PROPFIND / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 0, "PROPFIND", "/", "", "a", "", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(good); i++)
        check_every_way(&good[i]);
}

static void bad_requests_are_refused(void **state)
{
    static const struct expectation bad[] = {
        {.status = 400, .input = "GET /\r\n\r\n"},
        {.status = 505, .input = "GET / HTTP/2.0\r\n" HOST "\r\n"},
        {.status = 505, .input = "GET / HTTP/0.9\r\n" HOST "\r\n"},
        {.status = 505, .input = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
        {.status = 400, .input = "OPTIONS / RTSP/1.0\r\n" HOST "\r\n"},
        {.status = 501, .input = "CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n"},
        {.status = 400, .input = "GET  / HTTP/1.1\r\n" HOST "\r\n"},
        {.status = 400, .input = "GET /  HTTP/1.1\r\n" HOST "\r\n"},
        {.status = 400, .input = "GET /#f HTTP/1.1\r\n" HOST "\r\n"},
        {.status = 400, .input = "GET /\" HTTP/1.1\r\n" HOST "\r\n"},
        {.status = 400, .input = "GET /%00 HTTP/1.1\r\n" HOST "\r\n"},
        {.status = 400, .input = "GET * HTTP/1.1\r\n" HOST "\r\n"},
        {.status = 400, .input = "GET ftp://b/ HTTP/1.1\r\n" HOST "\r\n"},
        {.status = 400, .input = "GET http://u@b/ HTTP/1.1\r\n" HOST "\r\n"},
        {.status = 400, .input = "GET / HTTP/1.1\r\n\r\n"},
        {.status = 400, .input = "GET / HTTP/1.1\r\n" HOST HOST "\r\n"},
        {.status = 400, .input = "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
        {.status = 400, .input = "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
        {.status = 400, .input = "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"},
        {.status = 400, .input = "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
        {.status = 400, .input = "GET / HTTP/1.1\nHost: a\n\n"},
        {.status = 400, .input = "GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n"},
        {.status = 400, .input = "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n"},
        {.status = 400, .input = "GET / HTTP/1.1\r\n" HOST "A: b\x01\r\n\r\n"},
        {.status = 400, .input = "GET / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\nhello"},
        {.status = 400, .input = "GET / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\nhello"},
        {.status = 400, .input = "GET / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
        {.status = 400, .input = "GET / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551616\r\n\r\n"},
        {.status = 400,
         .input = "GET / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {.status = 400, .input = "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {.status = 501, .input = "GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
        {.status = 417, .input = "POST / HTTP/1.1\r\n" HOST "Expect: tea\r\nContent-Length: 1\r\n\r\nx"},
        {.status = 413, .input = "POST / HTTP/1.1\r\n" HOST "Content-Length: 1001\r\n\r\n"},
        {.status = 400, .input = "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nx\r\n"},
        {.status = 400, .input = "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"},
        {.status = 431,
         .input = "GET / HTTP/1.1\r\n" HOST "b:1\r\nc:1\r\nd:1\r\ne:1\r\nf:1\r\ng:1\r\nh:1\r\ni:1\r\n\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        check_every_way(&bad[i]);
}

/* llhttp refuses a word at its first strange letter, so how much of it is there decides between the two statuses. */
static void strange_methods_are_told_apart(void **state)
{
    static const struct expectation strange[] = {
        {.status = 501, .input = "BREW / HTTP/1.1\r\n" HOST "\r\n"},
        {.status = 400, .input = "G(T / HTTP/1.1\r\n" HOST "\r\n"},
        {.status = 400, .input = "\x16\x03\x01\x02"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(strange); i++)
        check_whole(&strange[i]);
}

static void check_filled(const char *before, size_t count, const char *after, int status)
{
    char *input = calloc(1, strlen(before) + count + strlen(after) + 1);
    struct expectation expected = {.input = input, .status = status};
    struct feeder feeder;

    strcpy(input, before);
    memset(input + strlen(before), 'x', count);
    strcat(input, after);
    if (status != 0) {
        check_whole(&expected);
        check_bytewise(&expected);
    } else {
        feeder_init(&feeder);
        feed(&feeder, slice_of_string(input));
        assert_int_equal(feeder.result, H1_MESSAGE_DONE);
        feeder_fini(&feeder);
    }
    free(input);
}

static void limits_hold_at_the_byte(void **state)
{
    const size_t line = settings.line_limit_bytes - strlen("GET / HTTP/1.1");
    const size_t head = settings.head_limit_bytes - strlen("GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n");

    (void)state;
    check_filled("GET /", line, " HTTP/1.1\r\nHost: a\r\n\r\n", 0);
    check_filled("GET /", line + 1, " HTTP/1.1\r\nHost: a\r\n\r\n", 414);
    check_filled("GET / HTTP/1.1\r\nHost: a\r\nX: ", head, "\r\n\r\n", 0);
    check_filled("GET / HTTP/1.1\r\nHost: a\r\nX: ", head + 1, "\r\n\r\n", 431);
    check_filled("GET /", 100000, "", 414);
    check_filled("GET / HTTP/1.1\r\nHost: a\r\nX: ", 100000, "", 431);
}

static void endless_trailers_are_refused(void **state)
{
    struct feeder feeder;

    (void)state;
    feeder_init(&feeder);
    feed(&feeder, slice_of_string("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n"));
    for (int i = 0; i < 100000 && feeder.result == H1_NEED_MORE; i++)
        feed(&feeder, slice_of_string("Trailer: value\r\n"));
    assert_int_equal(feeder.result, H1_REFUSED);
    assert_int_equal(feeder.parse->refusal.reason, H1_REASON_CHUNK_EXTRAS);
    feeder_fini(&feeder);
}

/* The limit is on bytes, not on the pieces that they come in. */
static void long_extensions_are_taken_in_pieces_too(void **state)
{
    struct feeder feeder;

    (void)state;
    feeder_init(&feeder);
    feed(&feeder, slice_of_string("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;name="));
    for (int i = 0; i < 12000 && feeder.result == H1_NEED_MORE; i++)
        feed(&feeder, slice_of_string("v"));
    feed(&feeder, slice_of_string("\r\nx\r\n0\r\n"));
    for (int i = 0; i < 2000 && feeder.result == H1_NEED_MORE; i++)
        feed(&feeder, slice_of_string("T"));
    feed(&feeder, slice_of_string(": v\r\n\r\n"));
    assert_int_equal(feeder.result, H1_MESSAGE_DONE);
    feeder_fini(&feeder);
}

/* What stands around the data is bounded at the byte, however it is cut: zeros before a size, extensions, white space
 * and fields behind the last chunk. */
static void check_extra(const char *before, char filling, size_t count, const char *after, enum h1_parse_result result)
{
    for (int is_bytewise = 0; is_bytewise < 2; is_bytewise++) {
        struct feeder feeder;
        char *extra = malloc(count);

        memset(extra, filling, count);
        feeder_init(&feeder);
        feed(&feeder, slice_of_string("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"));
        feed(&feeder, slice_of_string(before));
        for (size_t i = 0; is_bytewise && i < count && feeder.result == H1_NEED_MORE; i++)
            feed(&feeder, slice_of(extra + i, 1));
        if (!is_bytewise)
            feed(&feeder, slice_of(extra, count));
        if (feeder.result == H1_NEED_MORE)
            feed(&feeder, slice_of_string(after));
        assert_int_equal(feeder.result, result);
        assert_int_equal(feeder.parse->refusal.reason, result == H1_REFUSED ? H1_REASON_CHUNK_EXTRAS : H1_REASON_NONE);
        feeder_fini(&feeder);
        free(extra);
    }
}

static void what_is_around_chunks_is_bounded(void **state)
{
    const size_t most = 16384 + 20; /* and what a size may need */

    (void)state;
    check_extra("", '0', most - 3, "1\r\nx\r\n0\r\n\r\n", H1_MESSAGE_DONE);
    check_extra("", '0', most - 2, "1\r\nx\r\n0\r\n\r\n", H1_REFUSED);
    check_extra("", '0', most - 4, "\r\n\r\n", H1_MESSAGE_DONE);
    check_extra("", '0', most - 3, "\r\n\r\n", H1_REFUSED);
    check_extra("1;", 'e', most - 4, "\r\nx\r\n0\r\n\r\n", H1_MESSAGE_DONE);
    check_extra("1;", 'e', most - 3, "\r\nx\r\n0\r\n\r\n", H1_REFUSED);
    check_extra("0\r\nTrailer:", ' ', most - 16, "v\r\n\r\n", H1_MESSAGE_DONE);
    check_extra("0\r\nTrailer:", ' ', most - 15, "v\r\n\r\n", H1_REFUSED);
    check_extra("1\r\nx\r\n0\r\nT: ", 'v', most - 10, "\r\n\r\n", H1_MESSAGE_DONE);
    check_extra("1\r\nx\r\n0\r\nT: ", 'v', most - 9, "\r\n\r\n", H1_REFUSED);
}

/* The bound is on what is dropped: chunks of one byte each are no offence, however many. */
static void many_small_chunks_are_taken(void **state)
{
    struct feeder feeder;

    (void)state;
    feeder_init(&feeder);
    feed(&feeder, slice_of_string("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"));
    for (int i = 0; i < 1000 && feeder.result == H1_NEED_MORE; i++)
        feed(&feeder, slice_of_string("0000000000000001\r\nx\r\n"));
    feed(&feeder, slice_of_string("0\r\n\r\n"));
    assert_int_equal(feeder.result, H1_MESSAGE_DONE);
    assert_int_equal(feeder.body.len, 1000);
    feeder_fini(&feeder);
}

static void the_culprit_is_shown(void **state)
{
    static const struct {
        const char *request, *culprit;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "Host: b"},
        {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "Transfer-Encoding: gzip"},
        {"GET / HTTP/1.1\r\nHost: a\r\nExpect:\r\n\r\n", "Expect:"},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01z", "X: a\x01z"},
        {"GET / HTTP/1.1\r\nHost: a\r\nX : a", "X : a"},
        {"GET / HTTP/1.1\r\n\r\n", ""},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nsecret", "ret"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct feeder feeder;

        feeder_init(&feeder);
        feed(&feeder, slice_of_string(cases[i].request));
        assert_int_equal(feeder.result, H1_REFUSED);
        if (!is_equal(cases[i].culprit, feeder.parse->refusal.culprit))
            print_message("of %s: %.*s\n", cases[i].request, (int)feeder.parse->refusal.culprit.len,
                          feeder.parse->refusal.culprit.ptr);
        assert_true(is_equal(cases[i].culprit, feeder.parse->refusal.culprit));
        feeder_fini(&feeder);
    }
}

static void posing_fields_are_dropped(void **state)
{
    struct feeder feeder;
    const struct request *request;

    (void)state;
    feeder_init(&feeder);
    feed(&feeder, slice_of_string("GET / HTTP/1.1\r\n" HOST "X_Real-IP: 1\r\nProxy: evil\r\nAccept: \t b \t\r\n\r\n"));
    assert_int_equal(feeder.result, H1_MESSAGE_DONE);
    request = &feeder.parse->request;
    assert_int_equal(request->header_count, 2);
    assert_int_equal(request->headers[1].id, HEADER_ACCEPT);
    assert_true(is_equal("b", request->headers[1].value));
    feeder_fini(&feeder);
}

static void keep_alive_follows_the_version(void **state)
{
    static const struct {
        const char *input;
        bool is_keep_alive;
    } cases[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct feeder feeder;

        feeder_init(&feeder);
        feed(&feeder, slice_of_string(cases[i].input));
        assert_int_equal(feeder.result, H1_MESSAGE_DONE);
        assert_int_equal(feeder.parse->is_keep_alive, cases[i].is_keep_alive);
        feeder_fini(&feeder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_requests_are_taken),        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(strange_methods_are_told_apart), cmocka_unit_test(limits_hold_at_the_byte),
        cmocka_unit_test(endless_trailers_are_refused),   cmocka_unit_test(long_extensions_are_taken_in_pieces_too),
        cmocka_unit_test(posing_fields_are_dropped),      cmocka_unit_test(what_is_around_chunks_is_bounded),
        cmocka_unit_test(many_small_chunks_are_taken),    cmocka_unit_test(the_culprit_is_shown),
        cmocka_unit_test(keep_alive_follows_the_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
