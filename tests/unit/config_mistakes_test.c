/* SPDX-License-Identifier: MIT
 * Command lines that are wrong: the exact words of every message, and that all of them come at once. */
#include "config_support.h"

struct mistake_case {
    const char *const *argv;
    const char *line; /* without "clutch: " and '\n' */
};

static void check_cases(const struct mistake_case *cases, size_t count)
{
    char line[512];

    for (size_t i = 0; i < count; i++) {
        snprintf(line, sizeof line, "clutch: %s\n", cases[i].line);
        assert_mistakes(cases[i].argv, NULL, line);
    }
}

static void refuses_values_of_every_kind(void **state)
{
    const struct mistake_case cases[] = {
        {ARGV("app", "--workers", "five"), "--workers: 'five' is not a whole number or auto (1 to 1024)"},
        {ARGV("app", "--processes", "five"), "--processes: 'five' is not a whole number or auto (1 to 1024)"},
        {ARGV("app", "-w", "5x"), "-w (--workers): '5x' is not a whole number or auto (1 to 1024)"},
        {ARGV("app", "--backlog", "-5"), "--backlog: '-5' is not a whole number (1 to 65535)"},
        {ARGV("app", "--keep-alive=10x"), "--keep-alive: '10x' is not a time such as 500ms, 10s, 2m or 1h (0 to 24h)"},
        {ARGV("app", "--limit-request-head", "1t"),
         "--limit-request-head: '1t' is not a size such as 8190, 64k, 1m or 2g (1k to 1m)"},
        {ARGV("app", "--log-level=loud"), "--log-level: 'loud' is not one of debug, info, warning, error, critical"},
        {ARGV("app", "-m", "9"), "-m (--umask): '9' is not an octal number (0 to 777)"},
        {ARGV("app", "--preload=maybe"), "--preload: 'maybe' is not yes or no"},
        {ARGV("app", "--workers=a\nb"), "--workers: 'a\\x0ab' is not a whole number or auto (1 to 1024)"},
    };

    (void)state;
    check_cases(cases, ARRAY_COUNT(cases));
}

static void refuses_values_out_of_bounds(void **state)
{
    const struct mistake_case cases[] = {
        {ARGV("app", "-w0"), "-w (--workers): '0' is too small: it must be a whole number or auto (1 to 1024)"},
        {ARGV("app", "-w1025"), "-w (--workers): '1025' is too large: it must be a whole number or auto (1 to 1024)"},
        {ARGV("app", "-l0"), "-l (--backlog): '0' is too small: it must be a whole number (1 to 65535)"},
        {ARGV("app", "--listen=65536"), "--listen: '65536' is too large: it must be a whole number (1 to 65535)"},
        {ARGV("app", "--backlog=99999999999999999999"),
         "--backlog: '99999999999999999999' is too large: it must be a whole number (1 to 65535)"},
        {ARGV("app", "--keep-alive=25h"),
         "--keep-alive: '25h' is too large: it must be a time such as 500ms, 10s, 2m or 1h (0 to 24h)"},
        {ARGV("app", "--limit-request-line=63"),
         "--limit-request-line: '63' is too small: it must be a size such as 8190, 64k, 1m or 2g (64 to 1m)"},
        {ARGV("app", "--limit-request-body=9223372036854775808"),
         "--limit-request-body: '9223372036854775808' is too large: it must be a size such as 8190, 64k, 1m or 2g (0 "
         "or "
         "more)"},
        {ARGV("app", "--umask=1000"), "--umask: '1000' is too large: it must be an octal number (0 to 777)"},
        {ARGV("app", "--limit-request-line=64k"),
         "--limit-request-line: 64k is more than --limit-request-head (32k), which counts the request line as well"},
        {ARGV("app", "--reload-on-rss=512"),
         "--reload-on-rss: no worker fits into '512': a number without unit is bytes; 512m, say, is meant"},
        {ARGV("app", "--max-worker-rss=1023k"),
         "--max-worker-rss: no worker fits into '1023k': a number without unit is bytes; 512m, say, is meant"},
    };

    (void)state;
    check_cases(cases, ARRAY_COUNT(cases));
}

static void misses_values(void **state)
{
    const struct mistake_case cases[] = {
        {ARGV("app", "--workers"), "--workers: a value is missing (N|auto)"},
        {ARGV("app", "-b"), "-b: a value is missing (ADDRESS)"},
        {ARGV("app", "--chdir", "--preload"), "--chdir: a value is missing (DIR)"},
        {ARGV("app", "--user", "-g"),
         "--user: a value is missing (USER); one that begins with '-' is written after '='\n"
         "clutch: -g: a value is missing (GROUP)"},
        {ARGV("--wsgi-file"), "--wsgi-file: a value is missing (FILE)"},
        {ARGV("app", "--plugin"), "--plugin: a value is missing (value)"},
        {ARGV("app", "--workers="), "--workers: the value is empty: N|auto is needed"},
        {ARGV("app", "--user", ""), "--user: the value is empty: USER is needed"},
        {ARGV("app", "--log-level="),
         "--log-level: the value is empty: one of debug, info, warning, error, critical is needed"},
        {ARGV("app", "--preload="), "--preload: the value is empty: yes or no is needed"},
        {ARGV("app", "-e", "FOO"), "-e (--env): 'FOO' is not of the form NAME=VALUE"},
        {ARGV("app", "--env==x"), "--env: '=x' is not of the form NAME=VALUE"},
        {ARGV("app", "--print-config=x"), "--print-config: 'x' is not expected: it takes no value"},
        {ARGV("app", "--no-preload=yes"), "--no-preload: 'yes' is not expected: it takes no value"},
        {ARGV("app", "--help=html"),
         "--help: 'html' is not expected: the values it takes are markdown, man, bash, zsh or fish"},
        {ARGV("app", "--chdir", "/does/not/exist"),
         "--chdir: '/does/not/exist' does not exist: an existing directory is needed"},
        {ARGV("app", "--chdir", "/dev/null"), "--chdir: '/dev/null' is not a directory"},
    };

    (void)state;
    check_cases(cases, ARRAY_COUNT(cases));
}

static void names_the_nearest_option(void **state)
{
    const struct mistake_case cases[] = {
        {ARGV("app", "--worker", "3"), "unknown option --worker: did you mean --workers?"},
        {ARGV("app", "--wrokers=3"), "unknown option --wrokers: did you mean --workers?"},
        {ARGV("app", "-workers", "3"), "unknown option -workers: did you mean --workers?"},
        {ARGV("app", "--no-preloda"), "unknown option --no-preloda"},
        {ARGV("app", "--no-workers"), "unknown option --no-workers: did you mean --workers?"},
        {ARGV("app", "--pidfile2", "x"), "unknown option --pidfile2: did you mean --pidfile?"},
        {ARGV("app", "--xyzzy-nothing"), "unknown option --xyzzy-nothing"},
        {ARGV("app", "--=x"), "unknown option --"},
        {ARGV("app", "-Z"), "unknown option -Z"},
        {ARGV("app", "-5"), "unknown option -5"},
    };

    (void)state;
    check_cases(cases, ARRAY_COUNT(cases));
}

/* What follows an unknown option may be its value: nothing may be said of it. */
static void unknown_options_raise_no_further_mistakes(void **state)
{
    const struct mistake_case cases[] = {
        {ARGV("--xyzzy-nothing", "5", "app"), "unknown option --xyzzy-nothing"},
        {ARGV("--xyzzy-nothing", "a value", "app"), "unknown option --xyzzy-nothing"},
        {ARGV("--xyzzy-nothing"), "unknown option --xyzzy-nothing"},
        {ARGV("app", "-Zab", "x"), "unknown option -Z"},
    };

    (void)state;
    check_cases(cases, ARRAY_COUNT(cases));
}

#define FIRST(command, rest)                                                                                           \
    "'" command "' is a command, and those come first: clutch " command " " rest                                       \
    "; a module of that name is given with --module"

static void a_command_comes_first(void **state)
{
    const struct mistake_case cases[] = {
        {ARGV("--workers", "2", "import-config", "x"), FIRST("import-config", "FILE")},
        {ARGV("-w2", "status", "@shop"), FIRST("status", "[--json] [ADDRESS]")},
        {ARGV("app", "top"), FIRST("top", "[ADDRESS]")},
        {ARGV("--wait", "reload", "@shop"), "unknown option --wait\nclutch: " FIRST("reload", "[--wait] [ADDRESS]")},
        {ARGV("--json", "status"), "--json is not an option of clutch: of configuration files only ini files are read; "
                                   "see --config\nclutch: " FIRST("status", "[--json] [ADDRESS]")},
    };
    const char *const *modules[] = {ARGV("-w2", "--module", "status"), ARGV("-w2", "--", "status"),
                                    ARGV("-w2", "status:app")};

    (void)state;
    check_cases(cases, ARRAY_COUNT(cases));
    for (size_t i = 0; i < ARRAY_COUNT(modules); i++) {
        struct parsed parsed = parse_good(modules[i], NULL);

        assert_string_equal(parsed.config->app.module, "status");
        parsed_fini(&parsed);
    }
}

static void explains_options_of_other_servers(void **state)
{
    const struct mistake_case cases[] = {
        {ARGV("--socket", ":3031", "app"),
         "--socket is not an option of clutch: the uwsgi protocol is not spoken; use --bind "
         "and let the proxy in front speak HTTP"},
        {ARGV("-s", ":3031", "app"), "-s is not an option of clutch: the uwsgi protocol is not spoken; use --bind "
                                     "and let the proxy in front speak HTTP"},
        {ARGV("-s:3031", "app"), "-s is not an option of clutch: the uwsgi protocol is not spoken; use --bind "
                                 "and let the proxy in front speak HTTP"},
        {ARGV("--timeout=30", "app"), "--timeout is not an option of clutch: there it is how long a worker may be "
                                      "silent: see --liveness-timeout; --request-timeout bounds a request"},
        {ARGV("-k", "gevent", "app"), "-k is not an option of clutch: there is one kind of worker, a process with app "
                                      "threads; see --workers and --threads"},
        {ARGV("--daemon", "app"),
         "--daemon is not an option of clutch: the server stays in the foreground; let a service "
         "manager or a container run it"},
        {ARGV("--yaml", "uwsgi.yaml", "app"),
         "--yaml is not an option of clutch: of configuration files only ini files are read; see --config"},
    };

    (void)state;
    check_cases(cases, ARRAY_COUNT(cases));
}

static void explains_short_options_with_two_meanings(void **state)
{
    const struct mistake_case cases[] = {
        {ARGV("app", "-p", "5"), "-p 5: -p is the pid file here, as in gunicorn; uWSGI's -p is --processes or -w here"},
        {ARGV("app", "-p5"), "-p 5: -p is the pid file here, as in gunicorn; uWSGI's -p is --processes or -w here"},
        {ARGV("app", "-w", "project.wsgi"),
         "-w project.wsgi: -w is the number of workers here (1 to 1024, or auto), as in "
         "gunicorn; uWSGI's -w is --module here"},
        {ARGV("app", "-b", "32768"),
         "-b 32768: -b is the address to listen on here, as in gunicorn; uWSGI's -b is --buffer-size here"},
    };

    (void)state;
    check_cases(cases, ARRAY_COUNT(cases));
}

static void contradictions_of_what_always_is(void **state)
{
    const struct mistake_case cases[] = {
        {ARGV("app", "--master=false"), "--master: 'false' is not possible: there is always a master"},
        {ARGV("app", "--no-master"), "--no-master is not possible: there is always a master"},
    };

    (void)state;
    check_cases(cases, ARRAY_COUNT(cases));
}

static void all_mistakes_are_told_at_once(void **state)
{
    (void)state;
    assert_mistakes(ARGV("--workers", "five", "--backlog=0", "--timeout", "4", "--log-lvel=x", "-e", "X"),
                    ENVIRONMENT("CLUTCH_KEEP_ALIVE=never"),
                    "clutch: CLUTCH_KEEP_ALIVE: 'never' is not a time such as 500ms, 10s, 2m or 1h (0 to 24h)\n"
                    "clutch: --workers: 'five' is not a whole number or auto (1 to 1024)\n"
                    "clutch: --backlog: '0' is too small: it must be a whole number (1 to 65535)\n"
                    "clutch: --timeout is not an option of clutch: there it is how long a worker may be silent: see "
                    "--liveness-timeout; --request-timeout bounds a request\n"
                    "clutch: unknown option --log-lvel: did you mean --log-level?\n"
                    "clutch: -e (--env): 'X' is not of the form NAME=VALUE\n");
}

static void words_are_checked_one_by_one(void **state)
{
    const struct mistake_case cases[] = {
        {ARGV("app", "--debug-without=sentry,fog"),
         "--debug-without: 'fog' is not one of sentry, handoff, balance, gil-count, log-limit"},
        {ARGV("app", "--debug-without=,sentry"),
         "--debug-without: '' is not one of sentry, handoff, balance, gil-count, log-limit"},
        {ARGV("app", "--debug-without="),
         "--debug-without: the value is empty: one of sentry, handoff, balance, gil-count, log-limit is needed"},
        {ARGV("app", "--debug-witout=sentry"), "unknown option --debug-witout"},
    };

    (void)state;
    check_cases(cases, ARRAY_COUNT(cases));
}

static void addresses_are_checked_one_by_one(void **state)
{
    const struct mistake_case cases[] = {
        {ARGV("app", "--forwarded-allow-ips", "127.0.0.1, proxy.example"),
         "--forwarded-allow-ips: 'proxy.example' is neither an IP address nor a network (such as 10.0.0.0/8 or "
         "2001:db8::/32), nor unix, * or none"},
        {ARGV("app", "--forwarded-allow-ips=10.0.0.0/33"),
         "--forwarded-allow-ips: '10.0.0.0/33' is neither an IP address nor a network (such as 10.0.0.0/8 or "
         "2001:db8::/32), nor unix, * or none"},
        {ARGV("app", "--forwarded-allow-ips=fe80::1%eth0"),
         "--forwarded-allow-ips: 'fe80::1%eth0' is neither an IP address nor a network (such as 10.0.0.0/8 or "
         "2001:db8::/32), nor unix, * or none"},
        {ARGV("app", "--forwarded-allow-ips", "::1", "--forwarded-allow-ips", "10.1.2.3/8"),
         "--forwarded-allow-ips: '10.1.2.3/8' has bits behind its prefix: the network is 10.0.0.0/8"},
        {ARGV("app", "--forwarded-headers=for,x-forwarded-proto"),
         "--forwarded-headers: 'x-forwarded-proto' is not one of for, proto, host, forwarded"},
        {ARGV("app", "--header-map", "dangerous"),
         "--header-map dangerous: a field with an underscore in its name would pose as the one with a hyphen; it is "
         "dropped, or refused with --underscores-in-headers refuse"},
        {ARGV("app", "--underscores-in-headers=keep"), "--underscores-in-headers: 'keep' is not one of drop, refuse"},
        {ARGV("app", "--proxy-protocol", "--forwarded-allow-ips=none"),
         "--proxy-protocol: nobody could connect: --forwarded-allow-ips names none who may send PROXY headers"},
        {ARGV("app", "--proxy-allow-from=*"), "--proxy-allow-from is not an option of clutch: the peers of "
                                              "--forwarded-allow-ips may also send PROXY headers"},
    };

    (void)state;
    check_cases(cases, ARRAY_COUNT(cases));
    assert_mistakes(ARGV("app"), ENVIRONMENT("CLUTCH_FORWARDED_ALLOW_IPS=10.0.0.1/8,x"),
                    "clutch: CLUTCH_FORWARDED_ALLOW_IPS: '10.0.0.1/8' has bits behind its prefix: the network is "
                    "10.0.0.0/8\n"
                    "clutch: CLUTCH_FORWARDED_ALLOW_IPS: 'x' is neither an IP address nor a network (such as "
                    "10.0.0.0/8 or 2001:db8::/32), nor unix, * or none\n");
}

static void very_long_texts_are_cut(void **state)
{
    char argument[5000] = "--workers=";
    struct parsed parsed;

    (void)state;
    memset(argument + 10, 'x', sizeof argument - 11);
    parsed = parse(ARGV("app", argument), NULL);
    assert_null(parsed.config);
    assert_true(strlen(parsed.errors) < 400);
    assert_non_null(strstr(parsed.errors, "x...' is not a whole number"));
    parsed_fini(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_values_of_every_kind),
        cmocka_unit_test(refuses_values_out_of_bounds),
        cmocka_unit_test(misses_values),
        cmocka_unit_test(names_the_nearest_option),
        cmocka_unit_test(unknown_options_raise_no_further_mistakes),
        cmocka_unit_test(a_command_comes_first),
        cmocka_unit_test(explains_options_of_other_servers),
        cmocka_unit_test(explains_short_options_with_two_meanings),
        cmocka_unit_test(contradictions_of_what_always_is),
        cmocka_unit_test(all_mistakes_are_told_at_once),
        cmocka_unit_test(words_are_checked_one_by_one),
        cmocka_unit_test(addresses_are_checked_one_by_one),
        cmocka_unit_test(very_long_texts_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
