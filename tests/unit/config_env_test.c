/* SPDX-License-Identifier: MIT
 * CLUTCH_* variables: every option has one, the command line wins, and what is no option of ours never stops the start.
 */
#include "config_support.h"

#include "describe.h"
#include "option_samples.h"

static void every_option_has_a_variable(void **state)
{
    (void)state;
    for (enum option_id id = 0; id < OPTIONS_COUNT; id++) {
        const struct option *option = &options_table[id];
        char variable[200];
        struct parsed parsed;
        struct buf value;

        if (option->kind == KIND_ACTION || id == OPTION_config_files)
            continue;
        snprintf(variable, sizeof variable, "%s=%s", describe_variable(option).text, sample_of(option));
        parsed = parse_good(ARGV("app"), ENVIRONMENT(variable));
        buf_init(&value);
        assert_int_equal(describe_value(&value, parsed.config, id), 0);
        if (!slice_equal(buf_slice(&value), slice_of_string(sample_of(option))))
            fail_msg("%s gave '%.*s'", variable, (int)value.len, value.ptr);
        buf_fini(&value);
        parsed_fini(&parsed);
    }
}

static void names_are_made_from_the_option(void **state)
{
    (void)state;
    assert_string_equal(describe_variable(&options_table[OPTION_limit_request_line_bytes]).text,
                        "CLUTCH_LIMIT_REQUEST_LINE");
}

static void the_command_line_wins(void **state)
{
    struct parsed parsed = parse_good(ARGV("app", "-w3", "--no-preload", "-b", ":3", "--pp", "/c"),
                                      ENVIRONMENT("CLUTCH_WORKERS=7", "CLUTCH_PRELOAD=yes", "CLUTCH_BIND=:1,:2",
                                                  "CLUTCH_PYTHONPATH=/a:/b", "CLUTCH_BACKLOG=9", "HOME=/"));
    const struct config *config = parsed.config;

    (void)state;
    assert_int_equal(config->workers, 3);
    assert_false(config->preload);
    assert_int_equal(config->bind.count, 1);
    assert_string_equal(config->bind.items[0], ":3");
    assert_int_equal(config->pythonpath.count, 1);
    assert_string_equal(config->pythonpath.items[0], "/c");
    assert_int_equal(config->backlog, 9);
    parsed_fini(&parsed);
}

static void auto_on_the_command_line_wins_too(void **state)
{
    struct parsed by_default = parse_good(ARGV("app"), NULL);
    struct parsed parsed = parse_good(ARGV("app", "-w", "AUTO"), ENVIRONMENT("CLUTCH_WORKERS=1000"));

    (void)state;
    assert_int_equal(parsed.config->workers, by_default.config->workers);
    parsed_fini(&parsed);
    parsed_fini(&by_default);
}

static void lists_are_parted_by_commas(void **state)
{
    struct parsed parsed =
        parse_good(ARGV("app"), ENVIRONMENT("CLUTCH_BIND=:1,[::1]:2,,unix:/a", "CLUTCH_ENV=A=1,B=2=3",
                                            "CLUTCH_PYTHONPATH=/a,/b:/c", "CLUTCH_ACCESS_LOGFORMAT=a,b"));
    const struct config *config = parsed.config;

    (void)state;
    assert_int_equal(config->bind.count, 3);
    assert_string_equal(config->bind.items[1], "[::1]:2");
    assert_string_equal(config->bind.items[2], "unix:/a");
    assert_int_equal(config->env.count, 2);
    assert_string_equal(config->env.items[1], "B=2=3");
    assert_int_equal(config->pythonpath.count, 3);
    assert_string_equal(config->access_logformat, "a,b");
    parsed_fini(&parsed);
}

static void empty_means_unset(void **state)
{
    struct parsed parsed = parse_good(
        ARGV("app"), ENVIRONMENT("CLUTCH_WORKERS=", "CLUTCH_BIND=", "CLUTCH_APP=", "CLUTCH_USER=", "CLUTCH_BOGUS="));

    (void)state;
    assert_int_equal(parsed.config->bind.count, 1);
    assert_null(parsed.config->user);
    parsed_fini(&parsed);
}

static void mistakes_name_the_variable(void **state)
{
    (void)state;
    assert_mistakes(
        ARGV("app"),
        ENVIRONMENT("CLUTCH_WORKERS=five", "CLUTCH_ENV=A=1,B", "CLUTCH_PRELOAD=maybe", "CLUTCH_LIMIT_REQUEST_LINE=1",
                    "CLUTCH_UMASK=8"),
        "clutch: CLUTCH_WORKERS: 'five' is not a whole number or auto (1 to 1024)\n"
        "clutch: CLUTCH_PRELOAD: 'maybe' is not yes or no\n"
        "clutch: CLUTCH_LIMIT_REQUEST_LINE: '1' is too small: it must be a size such as 8190, 64k, 1m or 2g "
        "(64 to 1m)\n"
        "clutch: CLUTCH_UMASK: '8' is not an octal number (0 to 777)\n"
        "clutch: CLUTCH_ENV: 'B' is not of the form NAME=VALUE\n");
    assert_mistakes(
        ARGV("--master"), ENVIRONMENT("CLUTCH_APP=a b"),
        "clutch: CLUTCH_APP: 'a b' names no module (words of letters, digits and _, parted by dots) and no .py "
        "file\n");
}

static void unknown_variables_are_only_warned_of(void **state)
{
    const struct {
        const char *variable, *warning;
    } cases[] = {
        {"CLUTCH_WORKER=5", "CLUTCH_WORKER is not used: did you mean CLUTCH_WORKERS?"},
        {"CLUTCH_PROCESSES=5", "CLUTCH_PROCESSES is not used: did you mean CLUTCH_WORKERS?"},
        {"CLUTCH_workers=5", "CLUTCH_workers is not used: did you mean CLUTCH_WORKERS?"},
        {"CLUTCH_LOG-LEVEL=5", "CLUTCH_LOG-LEVEL is not used: did you mean CLUTCH_LOG_LEVEL?"},
        {"CLUTCH_XYZZY_NOTHING=1", "CLUTCH_XYZZY_NOTHING is not used: there is no such option"},
        {"CLUTCH_=1", "CLUTCH_ is not used: there is no such option"},
        {"CLUTCH_HELP=1", "CLUTCH_HELP is not used: --help works on the command line only"},
    };
    char line[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct parsed parsed = parse(ARGV("app"), ENVIRONMENT(cases[i].variable));

        assert_non_null(parsed.config);
        snprintf(line, sizeof line, "clutch: warning: %s\n", cases[i].warning);
        assert_string_equal(parsed.errors, line);
        assert_false(parsed.config->help);
        parsed_fini(&parsed);
    }
}

static void what_others_export_is_passed_over(void **state)
{
    struct parsed parsed = parse_good(
        ARGV("app"), ENVIRONMENT("CLUTCH_PORT=tcp://10.0.0.1:80", "CLUTCH_PORT_80_TCP=tcp://10.0.0.1:80",
                                 "CLUTCH_SERVICE_HOST=10.0.0.1", "CLUTCH_SERVICE_PORT_HTTP=80", "CLUTCH_VERSION=1.2.3",
                                 "CLUTCH_DEMO_SECONDS=3", "CLUTCH", "CLUTCHES=3", "clutch_workers=9", "=", ""));

    (void)state;
    parsed_fini(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_has_a_variable),
        cmocka_unit_test(names_are_made_from_the_option),
        cmocka_unit_test(the_command_line_wins),
        cmocka_unit_test(auto_on_the_command_line_wins_too),
        cmocka_unit_test(lists_are_parted_by_commas),
        cmocka_unit_test(empty_means_unset),
        cmocka_unit_test(mistakes_name_the_variable),
        cmocka_unit_test(unknown_variables_are_only_warned_of),
        cmocka_unit_test(what_others_export_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
