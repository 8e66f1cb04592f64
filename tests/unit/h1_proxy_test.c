/* SPDX-License-Identifier: MIT
 * PROXY headers, each fed whole, byte by byte and cut everywhere, with the beginning of a request behind it. */
#include "unit.h"

#include "buf.h"
#include "h1_proxy.h"

static const char behind[] = "GET / HTTP/1.1\r\n\r\nPROXY TCP4 ";

/* Feeds a header in two pieces, or in pieces of `step` bytes, and puts down what came of it. */
static void feed(struct h1_proxy *proxy, enum h1_proxy_result *result, struct slice bytes, size_t *taken)
{
    size_t used;

    assert_int_equal(*result, H1_PROXY_NEED_MORE);
    *result = h1_proxy_feed(proxy, bytes, &used);
    assert_true(used <= bytes.len && (*result != H1_PROXY_NEED_MORE || used == bytes.len));
    *taken += used;
}

static void describe(const struct h1_proxy *proxy, enum h1_proxy_result result, char text[100])
{
    char address[CIDR_TEXT_BYTES];

    ip_address_format(&proxy->client, address);
    if (result == H1_PROXY_NEED_MORE)
        strcpy(text, "more");
    else if (result == H1_PROXY_REFUSED)
        snprintf(text, 100, "refused %s", h1_reason_label(proxy->reason));
    else if (proxy->origin == H1_PROXY_ADDRESS)
        snprintf(text, 100, "%s %u", address, (unsigned)proxy->port);
    else
        strcpy(text, proxy->origin == H1_PROXY_LOCAL ? "local" : "untold");
}

/* One way of cutting: `first` bytes, then pieces of `step`. */
static void check_cut(struct slice header, size_t first, size_t step, const char *expected)
{
    enum h1_proxy_result result = H1_PROXY_NEED_MORE;
    struct h1_proxy proxy = {0};
    struct buf bytes = {0};
    char text[100];
    size_t taken = 0, len;

    assert_int_equal(buf_append(&bytes, header), 0);
    if (strcmp(expected, "more") != 0)
        assert_int_equal(buf_append(&bytes, slice_of(behind, sizeof(behind) - 1)), 0);
    for (size_t at = 0; at < bytes.len && result == H1_PROXY_NEED_MORE; at += len) {
        len = at == 0 ? first : step;
        if (len > bytes.len - at)
            len = bytes.len - at;
        feed(&proxy, &result, slice_of(bytes.ptr + at, len), &taken);
    }
    describe(&proxy, result, text);
    assert_string_equal(text, expected);
    if (result == H1_PROXY_DONE)
        assert_int_equal(taken, header.len);
    buf_fini(&bytes);
}

static void check(struct slice header, const char *expected)
{
    check_cut(header, header.len + 1000, 1, expected);
    check_cut(header, 1, 1, expected);
    for (size_t cut = 1; cut<header.len; cut += header.len> 1000 ? 97 : 1)
        check_cut(header, cut, header.len + 1000, expected);
}

static void check_line(const char *line, const char *expected)
{
    check(slice_of_string(line), expected);
}

static void lines_are_read(void **state)
{
    (void)state;
    check_line("PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n", "192.0.2.1 4711");
    check_line("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255 65535");
    check_line("PROXY TCP4 192.0.2.1 10.0.0.1 0 0\r\n", "192.0.2.1 0");
    check_line("PROXY TCP6 2001:db8::1 ::1 4711 80\r\n", "2001:db8::1 4711");
    check_line("PROXY TCP6 ::ffff:192.0.2.1 ::1 4711 80\r\n", "192.0.2.1 4711");
    check_line("PROXY UNKNOWN\r\n", "untold");
    check_line("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "untold");
    check_line(
        "PROXY UNKNOWN 1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901\r\n",
        "untold"); /* 107 bytes */
}

static void lines_are_strict(void **state)
{
    static const char *const bad_addresses[] = {
        "PROXY TCP4 192.0.2.1 10.0.0.1 4711\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 4711 \r\n",
        "PROXY TCP4  192.0.2.1 10.0.0.1 4711 80\r\n",
        "PROXY TCP4 192.0.2.1  10.0.0.1 4711 80\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 4711  80\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 4711 80 \r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 4711 80 x\r\n",
        "PROXY TCP4\t192.0.2.1 10.0.0.1 4711 80\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 65536 80\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 4711 65536\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 04711 80\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 +1 80\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 -1 80\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 99999999999999999999 80\r\n",
        "PROXY TCP4 192.0.2.256 10.0.0.1 4711 80\r\n",
        "PROXY TCP4 192.0.2.1 nobody 4711 80\r\n",
        "PROXY TCP4 ::1 ::1 4711 80\r\n",
        "PROXY TCP6 192.0.2.1 10.0.0.1 4711 80\r\n",
        "PROXY TCP6 fe80::1%eth0 ::1 4711 80\r\n",
        "PROXY TCP4 \r\n",
        "PROXY TCP4 010.0.0.1 10.0.0.1 4711 80\r\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad_addresses); i++) {
        bool is_tab = strchr(bad_addresses[i], '\t') != NULL;

        check_line(bad_addresses[i], is_tab ? "refused proxy_family" : "refused proxy_address");
    }
    check_line("PROXY \r\n", "refused proxy_family");
    check_line("PROXY tcp4 192.0.2.1 10.0.0.1 4711 80\r\n", "refused proxy_family");
    check_line("PROXY UDP4 192.0.2.1 10.0.0.1 4711 80\r\n", "refused proxy_family");
    check_line("PROXY UNKNOWNX\r\n", "refused proxy_family");
    check_line("PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\n", "refused proxy_line");
    check_line("PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\rX", "refused proxy_line");
    check_line("PROXY UNKNOWN "
               "12345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012\r\n",
               "refused proxy_line"); /* 108 bytes */
    check(SLICE("PROXY UNKNOWN \0\r\n"), "refused proxy_line");
}

static void what_is_none_is_refused_at_its_first_wrong_byte(void **state)
{
    struct h1_proxy proxy = {0};
    size_t used;

    (void)state;
    check_line("GET / HTTP/1.1\r\n", "refused proxy_missing");
    check_line("POST / HTTP/1.1\r\n", "refused proxy_missing");
    check_line("PROXYX", "refused proxy_missing");
    check_line("\r\nGET / HTTP/1.1\r\n", "refused proxy_missing");
    check_line("PROXY", "more");
    check_line("\r\n\r\n", "more");
    assert_int_equal(h1_proxy_feed(&proxy, SLICE("GET"), &used), H1_PROXY_REFUSED);
    assert_int_equal(used, 1);
    assert_true(slice_equal(h1_proxy_shown(&proxy), SLICE("G")));
}

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define IPV4_PART "\xc0\x00\x02\x01\x0a\x00\x00\x01\x12\x67\x00\x50"
#define IPV6_PART "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\x12\x67\x00\x50"
#define MAPPED_PART                                                                                                    \
    "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\x12\x67\x00\x50"

static void binary_headers_are_read(void **state)
{
    (void)state;
    check(SLICE(SIGNATURE "\x21\x11\x00\x0c" IPV4_PART), "192.0.2.1 4711");
    check(SLICE(SIGNATURE "\x21\x21\x00\x24" IPV6_PART), "2001:db8::1 4711");
    check(SLICE(SIGNATURE "\x21\x21\x00\x24" MAPPED_PART), "192.0.2.1 4711");
    check(SLICE(SIGNATURE "\x21\x11\x00\x10" IPV4_PART "\x04\x00\x01x"), "192.0.2.1 4711"); /* a TLV */
    check(SLICE(SIGNATURE "\x21\x00\x00\x00"), "untold");
    check(SLICE(SIGNATURE "\x21\x00\x00\x03xyz"), "untold");
    check(SLICE(SIGNATURE "\x21\x12\x00\x0c" IPV4_PART), "untold"); /* UDP: as unspecified */
    check(SLICE(SIGNATURE "\x21\x22\x00\x24" IPV6_PART), "untold");
    check(SLICE(SIGNATURE "\x20\x00\x00\x00"), "local");
    check(SLICE(SIGNATURE "\x20\x12\x00\x0c" IPV4_PART), "local");
    check(SLICE(SIGNATURE "\x20\x11\x00\x0c" IPV4_PART), "local");
    check(SLICE(SIGNATURE "\x20\xff\x00\x01x"), "local");
}

static void long_binary_headers(void **state)
{
    static char bytes[16 + 16385];
    const char unix_start[] = SIGNATURE "\x21\x31\x00\xd8", long_start[] = SIGNATURE "\x21\x11\x40\x00" IPV4_PART;

    (void)state;
    memcpy(bytes, unix_start, sizeof(unix_start) - 1);
    check(slice_of(bytes, 16 + 216), "untold");
    memcpy(bytes, long_start, sizeof(long_start) - 1);
    check(slice_of(bytes, 16 + 16384), "192.0.2.1 4711");
    bytes[15] = 1;
    check(slice_of(bytes, 16 + 16385), "refused proxy_too_long");
    check(slice_of(bytes, 15), "more");
}

static void binary_headers_are_strict(void **state)
{
    (void)state;
    check(SLICE(SIGNATURE "\x11\x11\x00\x0c" IPV4_PART), "refused proxy_version");
    check(SLICE(SIGNATURE "\x22\x11\x00\x0c" IPV4_PART), "refused proxy_version");
    check(SLICE(SIGNATURE "\x21\x13\x00\x0c" IPV4_PART), "refused proxy_family");
    check(SLICE(SIGNATURE "\x21\x12\x00\x0b" IPV4_PART), "refused proxy_address");
    check(SLICE(SIGNATURE "\x21\x01\x00\x0c" IPV4_PART), "refused proxy_family");
    check(SLICE(SIGNATURE "\x21\x41\x00\x0c" IPV4_PART), "refused proxy_family");
    check(SLICE(SIGNATURE "\x21\x11\x00\x0b" IPV4_PART), "refused proxy_address");
    check(SLICE(SIGNATURE "\x21\x21\x00\x0c" IPV4_PART), "refused proxy_address");
    check(SLICE(SIGNATURE "\x21\x31\x00\xd7"), "refused proxy_address");
    check(SLICE("\r\n\r\n\0\r\nQUIT\r"), "refused proxy_missing");
    check(SLICE(SIGNATURE "\x21\x11\x00\x0c"
                          "abc"),
          "more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read),
        cmocka_unit_test(lines_are_strict),
        cmocka_unit_test(what_is_none_is_refused_at_its_first_wrong_byte),
        cmocka_unit_test(binary_headers_are_read),
        cmocka_unit_test(long_binary_headers),
        cmocka_unit_test(binary_headers_are_strict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
