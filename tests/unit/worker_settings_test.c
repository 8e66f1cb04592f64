/* SPDX-License-Identifier: MIT
 * From the command line to what http/ is told: each option in its place, in the unit that is wanted there. */
#include "config_support.h"

#include "cidr.h"
#include "worker_settings.h"

static struct h1_settings settings_for(const char *const *argv)
{
    struct parsed parsed = parse_good(argv, NULL);
    struct h1_settings settings = worker_settings(parsed.config, false);

    settings.body_temp_path = NULL; /* the config's */
    parsed_fini(&parsed);
    return settings;
}

static void every_option_reaches_http(void **state)
{
    const struct h1_settings settings = settings_for(
        ARGV("app", "--limit-request-line=100", "--limit-request-head=2000", "--limit-request-fields=3",
             "--limit-request-body=4000", "--body-memory=5000", "--head-timeout=6ms", "--body-timeout=7ms",
             "--send-timeout=8ms", "--keep-alive=9ms", "--body-min-rate=10", "--send-min-rate=11",
             "--response-memory=12", "--response-file=13", "--queue-limit=14", "--queue-timeout=15ms", "--threads=16"));

    (void)state;
    assert_int_equal(settings.line_limit_bytes, 100);
    assert_int_equal(settings.head_limit_bytes, 2000);
    assert_int_equal(settings.field_limit, 3);
    assert_int_equal(settings.body_limit_bytes, 4000);
    assert_int_equal(settings.body_memory_bytes, 5000);
    assert_int_equal(settings.head_timeout_us, 6000);
    assert_int_equal(settings.body_timeout_us, 7000);
    assert_int_equal(settings.send_timeout_us, 8000);
    assert_int_equal(settings.keep_alive_us, 9000);
    assert_int_equal(settings.body_rate_bytes, 10);
    assert_int_equal(settings.send_rate_bytes, 11);
    assert_int_equal(settings.response_memory_bytes, 12);
    assert_int_equal(settings.response_file_bytes, 13);
    assert_int_equal(settings.queue_limit, 14);
    assert_int_equal(settings.queue_timeout_us, 15000);
    assert_int_equal(settings.thread_count, 16);
    assert_int_equal(settings.without, 0);
    assert_false(settings.has_server_timing || settings.strips_hop_by_hop || settings.wants_arrival_times);
}

static void switches_reach_http(void **state)
{
    struct parsed parsed = parse_good(ARGV("app", "--strip-hop-by-hop", "--body-temp-path=/var/tmp"), NULL);
    struct h1_settings settings = worker_settings(parsed.config, true);

    (void)state;
    assert_true(settings.strips_hop_by_hop && settings.wants_arrival_times && !settings.has_server_timing);
    assert_string_equal(settings.body_temp_path, "/var/tmp");
    parsed_fini(&parsed);
    settings = settings_for(ARGV("app", "--server-timing"));
    assert_true(settings.has_server_timing && settings.wants_arrival_times);
}

static void trust_reaches_http(void **state)
{
    struct parsed parsed = parse_good(ARGV("app", "--proxy-protocol", "--forwarded-headers=proto,forwarded",
                                           "--underscores-in-headers=refuse", "--forwarded-allow-ips",
                                           "10.0.0.0/8, ::1", "--forwarded-allow-ips=unix"),
                                      NULL);
    struct h1_settings settings = worker_settings(parsed.config, false);
    struct cidr_list trusted = {0};

    (void)state;
    assert_true(settings.wants_proxy_header && settings.refuses_underscores);
    assert_int_equal(settings.forwarded_fields, H1_X_FORWARDED_PROTO | H1_FORWARDED);
    assert_true(worker_settings_trust(parsed.config, &trusted));
    assert_true(trusted.count == 2 && trusted.has_unix && !trusted.has_any);
    cidr_list_fini(&trusted);
    parsed_fini(&parsed);
}

static void little_is_trusted_by_default(void **state)
{
    struct parsed parsed = parse_good(ARGV("app"), NULL);
    struct h1_settings settings = worker_settings(parsed.config, false);
    struct ip_address loopback, other, none = {0};
    struct cidr_list trusted = {0};

    (void)state;
    assert_true(!settings.wants_proxy_header && !settings.refuses_underscores && settings.trusted == NULL);
    assert_int_equal(settings.forwarded_fields, H1_X_FORWARDED_FOR | H1_X_FORWARDED_PROTO);
    assert_true(worker_settings_trust(parsed.config, &trusted));
    assert_true(ip_address_parse(SLICE("127.0.0.1"), &loopback) && ip_address_parse(SLICE("127.0.0.2"), &other));
    assert_true(cidr_list_holds_peer(&trusted, &loopback) && cidr_list_holds_peer(&trusted, &none));
    assert_false(cidr_list_holds_peer(&trusted, &other));
    cidr_list_fini(&trusted);
    parsed_fini(&parsed);
}

/* The words of the option are numbered by their place, the bits by http/. */
static void words_are_the_bits_they_name(void **state)
{
    static const struct {
        const char *argument;
        unsigned bit;
    } cases[] = {
        {"--debug-without=sentry", H1_WITHOUT_SENTRY},       {"--debug-without=handoff", H1_WITHOUT_HANDOFF},
        {"--debug-without=balance", H1_WITHOUT_BALANCE},     {"--debug-without=gil-count", H1_WITHOUT_GIL_COUNT},
        {"--debug-without=log-limit", H1_WITHOUT_LOG_LIMIT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(settings_for(ARGV("app", cases[i].argument)).without, cases[i].bit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_reaches_http),    cmocka_unit_test(switches_reach_http),
        cmocka_unit_test(trust_reaches_http),           cmocka_unit_test(little_is_trusted_by_default),
        cmocka_unit_test(words_are_the_bits_they_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
