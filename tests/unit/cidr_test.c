/* SPDX-License-Identifier: MIT
 * Addresses and networks as text, and who is in which. */
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "cidr.h"

static enum cidr_result parse(const char *text)
{
    struct cidr cidr;

    return cidr_parse(slice_of_string(text), &cidr);
}

static bool holds(const char *network, const char *address_text)
{
    struct ip_address address;
    struct cidr cidr;

    assert_int_equal(cidr_parse(slice_of_string(network), &cidr), CIDR_DONE);
    assert_true(ip_address_parse(slice_of_string(address_text), &address));
    return cidr_holds(&cidr, &address);
}

static void networks_are_read(void **state)
{
    static const char *const good[] = {"127.0.0.1",   "10.0.0.0/8", "0.0.0.0/0",          "192.0.2.1/32",
                                       "::1",         "::/0",       "2001:db8::/32",      "2001:db8::1/128",
                                       "224.0.0.0/3", "fe80::/10",  "::ffff:10.0.0.0/104"};
    static const char *const bad[] = {"",
                                      "10",
                                      "10.0.0",
                                      "10.0.0.0/33",
                                      "10.0.0.0/",
                                      "10.0.0.0/-1",
                                      "10.0.0.0/+8",
                                      "10.0.0.0/8 ",
                                      " 10.0.0.1",
                                      "10.0.0.0/08",
                                      "10.0.0.0/8/8",
                                      "010.0.0.1",
                                      "1.2.3.256",
                                      "1.2.3.4:80",
                                      "::1/129",
                                      "::1/",
                                      "[::1]",
                                      "fe80::1%eth0",
                                      "fe80::1%1/64",
                                      "1::2::3",
                                      "localhost",
                                      "/8",
                                      "0x7f.0.0.1",
                                      "::ffff:1.2.3.4/129",
                                      "10.0.0.0/4294967304"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(good); i++)
        assert_int_equal(parse(good[i]), CIDR_DONE);
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_string_equal(parse(bad[i]) == CIDR_MALFORMED ? "" : bad[i], ""); /* names what was taken for one */
}

static void host_bits_show_what_may_be_meant(void **state)
{
    static const char *const pairs[][2] = {{"10.1.2.3/8", "10.0.0.0/8"},
                                           {"192.0.2.255/31", "192.0.2.254/31"},
                                           {"1.0.0.0/0", "0.0.0.0/0"},
                                           {"2001:db8::1/33", "2001:db8::/33"},
                                           {"::ffff:10.1.2.3/104", "10.0.0.0/8"}};
    char text[CIDR_TEXT_BYTES];
    struct cidr cidr;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
        assert_int_equal(cidr_parse(slice_of_string(pairs[i][0]), &cidr), CIDR_HOST_BITS);
        cidr_format(&cidr, text);
        assert_string_equal(text, pairs[i][1]);
    }
}

static void networks_hold_their_addresses(void **state)
{
    (void)state;
    assert_true(holds("10.0.0.0/8", "10.255.255.255"));
    assert_false(holds("10.0.0.0/8", "11.0.0.0"));
    assert_true(holds("192.0.2.128/25", "192.0.2.128") && holds("192.0.2.128/25", "192.0.2.255"));
    assert_false(holds("192.0.2.128/25", "192.0.2.127"));
    assert_true(holds("192.0.2.1/32", "192.0.2.1") && holds("192.0.2.1", "192.0.2.1"));
    assert_false(holds("192.0.2.1/32", "192.0.2.0"));
    assert_true(holds("0.0.0.0/0", "0.0.0.0") && holds("0.0.0.0/0", "255.255.255.255"));
    assert_true(holds("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(holds("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(holds("::1", "::1") && holds("::/0", "2001:db8::1"));
    assert_false(holds("::1", "::2"));
}

static void mapped_addresses_are_ipv4(void **state)
{
    (void)state;
    assert_true(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert_true(holds("::ffff:10.0.0.0/104", "10.1.2.3") && holds("::ffff:10.0.0.1", "10.0.0.1"));
    assert_false(holds("::ffff:10.0.0.0/104", "11.0.0.0"));
    /* All of IPv6 is not all of IPv4, in either form; nor the other way round. */
    assert_false(holds("::/0", "10.1.2.3") || holds("::/0", "::ffff:10.1.2.3") || holds("0.0.0.0/0", "::1"));
}

static void lists_take_words_and_commas(void **state)
{
    struct cidr_list list = {0};
    struct ip_address none = {0}, v4, v6;
    struct slice wrong = {0};

    (void)state;
    assert_true(ip_address_parse(SLICE("192.0.2.9"), &v4) && ip_address_parse(SLICE("::1"), &v6));
    assert_int_equal(cidr_list_add(&list, SLICE(" ::1 ,, none,192.0.2.0/24,"), &wrong), CIDR_DONE);
    assert_true(cidr_list_holds(&list, &v4) && cidr_list_holds_peer(&list, &v6) && list.count == 2);
    assert_false(cidr_list_holds_peer(&list, &none) || cidr_list_holds(&list, &none));
    assert_int_equal(cidr_list_add(&list, SLICE("unix"), &wrong), CIDR_DONE);
    assert_true(cidr_list_holds_peer(&list, &none));
    assert_false(cidr_list_holds(&list, &none));
    cidr_list_fini(&list);
    assert_int_equal(cidr_list_add(&list, SLICE("*"), &wrong), CIDR_DONE);
    assert_true(cidr_list_holds_peer(&list, &v4) && cidr_list_holds_peer(&list, &none));
    assert_false(cidr_list_holds(&list, &v4)); /* it is nobody's address */
    assert_int_equal(cidr_list_add(&list, SLICE("10.0.0.1, 10.0.0.1/8,x"), &wrong), CIDR_HOST_BITS);
    assert_true(slice_equal(wrong, SLICE("10.0.0.1/8")));
    assert_int_equal(cidr_list_add(&list, SLICE("10.0.0.1, nobody"), &wrong), CIDR_MALFORMED);
    assert_true(slice_equal(wrong, SLICE("nobody")));
    cidr_list_fini(&list);
}

static void addresses_of_sockets(void **state)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&storage;
    struct ip_address address;
    char text[CIDR_TEXT_BYTES];

    (void)state;
    in6->sin6_family = AF_INET6;
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.7", &in6->sin6_addr), 1);
    address = ip_address_of(&storage);
    ip_address_format(&address, text);
    assert_string_equal(text, "192.0.2.7");
    storage.ss_family = AF_UNIX;
    address = ip_address_of(&storage);
    ip_address_format(&address, text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_are_read),
        cmocka_unit_test(host_bits_show_what_may_be_meant),
        cmocka_unit_test(networks_hold_their_addresses),
        cmocka_unit_test(mapped_addresses_are_ipv4),
        cmocka_unit_test(lists_take_words_and_commas),
        cmocka_unit_test(addresses_of_sockets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
