/* SPDX-License-Identifier: MIT
 * Command lines that are right: every kind of value, every way to write it, defaults, aliases. */
#include "config_support.h"

static void defaults_are_those_of_the_reference(void **state)
{
    struct parsed parsed = parse_good(ARGV("app"), NULL);
    const struct config *config = parsed.config;

    (void)state;
    assert_int_equal(config->bind.count, 1);
    assert_string_equal(config->bind.items[0], "127.0.0.1:8000");
    assert_int_equal(config->backlog, 4096);
    assert_null(config->chdir);
    assert_int_equal(config->pythonpath.count, 0);
    assert_false(config->preload);
    assert_in_range(config->workers, 1, 1024);
    assert_int_equal(config->boot_timeout_ms, 60000);
    assert_int_equal(config->umask, -1);
    assert_int_equal(config->limit_request_line_bytes, 8190);
    assert_int_equal(config->limit_request_head_bytes, 32768);
    assert_int_equal(config->limit_request_body_bytes, 1073741824);
    assert_int_equal(config->keep_alive_ms, 75000);
    assert_int_equal(config->log_level, 1);
    assert_string_equal(config->error_logfile, "-");
    assert_null(config->access_logfile);
    assert_string_equal(config->access_logformat, "combined");
    assert_int_equal(config->threads, 1);
    assert_int_equal(config->queue_limit, 0);
    assert_int_equal(config->queue_timeout_ms, 0);
    assert_int_equal(config->body_min_rate_bytes, 500);
    assert_int_equal(config->send_min_rate_bytes, 500);
    assert_int_equal(config->response_memory_bytes, 1048576);
    assert_int_equal(config->response_file_bytes, 1073741824);
    assert_int_equal(config->debug_without, 0);
    assert_false(config->help || config->version || config->print_config || config->check_config);
    parsed_fini(&parsed);
}

static void every_kind_of_value_is_read(void **state)
{
    struct parsed parsed =
        parse_good(ARGV("--chdir", "/", "--bind", "a:1", "--pythonpath", "/a,/b:/c", "--preload", "--backlog", "7",
                        "--workers", "3", "--keep-alive", "1.5s", "--limit-request-head", "64k", "--log-level", "error",
                        "--umask", "027", "--debug-without", "Handoff,gil-count", "app"),
                   NULL);
    const struct config *config = parsed.config;

    (void)state;
    assert_string_equal(config->chdir, "/");
    assert_string_equal(config->bind.items[0], "a:1");
    assert_int_equal(config->pythonpath.count, 3);
    assert_string_equal(config->pythonpath.items[2], "/c");
    assert_true(config->preload);
    assert_int_equal(config->backlog, 7);
    assert_int_equal(config->workers, 3);
    assert_int_equal(config->keep_alive_ms, 1500);
    assert_int_equal(config->limit_request_head_bytes, 65536);
    assert_int_equal(config->log_level, 3);
    assert_int_equal(config->umask, 027);
    assert_int_equal(config->debug_without, 2 | 8);
    parsed_fini(&parsed);
}

static void one_value_can_be_written_in_many_ways(void **state)
{
    const char *const *const lines[] = {
        ARGV("--workers", "5", "app"),   ARGV("--workers=5", "app"),    ARGV("-w5", "app"),
        ARGV("-w", "5", "app"),          ARGV("-w=5", "app"),           ARGV("app", "-w5"),
        ARGV("--processes", "5", "app"), ARGV("-Mw5", "app"),           ARGV("-MTw", "5", "app"),
        ARGV("-w5", "--", "app"),        ARGV("-w2", "app", "-w", "5"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        struct parsed parsed = parse_good(lines[i], NULL);

        assert_int_equal(parsed.config->workers, 5);
        assert_string_equal(parsed.config->app.module, "app");
        parsed_fini(&parsed);
    }
}

static void flags_can_be_switched_both_ways(void **state)
{
    const struct {
        const char *const *argv;
        bool preload;
    } cases[] = {
        {ARGV("app", "--preload"), true},     {ARGV("app", "--preload=yes"), true},
        {ARGV("app", "--preload=On"), true},  {ARGV("app", "--preload=no"), false},
        {ARGV("app", "--preload=0"), false},  {ARGV("app", "--preload", "--no-preload"), false},
        {ARGV("app", "--no-preload"), false}, {ARGV("app", "--no-preload", "--preload"), true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct parsed parsed = parse_good(cases[i].argv, NULL);

        assert_int_equal(parsed.config->preload, cases[i].preload);
        parsed_fini(&parsed);
    }
}

static void lists_grow_in_order_under_all_their_names(void **state)
{
    struct parsed parsed = parse_good(
        ARGV("-b", ":1", "--http", ":2", "--http-socket=:3", "-b:4", "-e", "A=1", "--env", "B=x=y,z", "-e=C=", "app"),
        NULL);
    const struct config *config = parsed.config;

    (void)state;
    assert_int_equal(config->bind.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(config->bind.items[i][1], '1' + (int)i);
    assert_int_equal(config->env.count, 3);
    assert_string_equal(config->env.items[1], "B=x=y,z");
    assert_string_equal(config->env.items[2], "C=");
    parsed_fini(&parsed);
}

static void dashes_and_numbers_are_values(void **state)
{
    struct parsed parsed = parse_good(
        ARGV("--access-logfile", "-", "--access-logformat=-%(h)s", "--error-logfile", "-1", "--pid", "5", "app"), NULL);

    (void)state;
    assert_string_equal(parsed.config->access_logfile, "-");
    assert_string_equal(parsed.config->access_logformat, "-%(h)s");
    assert_string_equal(parsed.config->error_logfile, "-1");
    assert_string_equal(parsed.config->pid, "5");
    parsed_fini(&parsed);
}

static void bounds_are_inclusive(void **state)
{
    struct parsed parsed =
        parse_good(ARGV("--backlog=65535", "-w1024", "--keep-alive=0", "--boot-timeout=24h", "--limit-request-fields=1",
                        "--limit-request-line=64", "--limit-request-head=1m", "--body-memory=1g", "-m777",
                        "--limit-request-body=9223372036854775807", "app"),
                   NULL);

    (void)state;
    assert_int_equal(parsed.config->backlog, 65535);
    assert_int_equal(parsed.config->workers, 1024);
    assert_int_equal(parsed.config->keep_alive_ms, 0);
    assert_int_equal(parsed.config->boot_timeout_ms, 86400000);
    assert_int_equal(parsed.config->umask, 0777);
    assert_true(parsed.config->limit_request_body_bytes == INT64_MAX);
    parsed_fini(&parsed);
}

static void uwsgi_command_lines_work_as_they_stand(void **state)
{
    struct parsed parsed =
        parse_good(ARGV("--http", "0.0.0.0:8000", "--module", "project.wsgi", "--callable", "app", "--master",
                        "--processes", "5", "-H", "/srv/venv", "--uid", "www-data", "--gid=www-data",
                        "--enable-threads", "--lazy-apps=true", "--die-on-term", "--vacuum", "-l", "128", "--pp",
                        "/srv", "--limit-post", "1048576", "--plugin", "python3", "--thunder-lock", "--threads=2", "-i",
                        "-L", "--need-app", "--buffer-size", "65535", "--http-keepalive=75"),
                   NULL);
    const struct config *config = parsed.config;

    (void)state;
    assert_string_equal(config->bind.items[0], "0.0.0.0:8000");
    assert_string_equal(config->app.module, "project.wsgi");
    assert_string_equal(config->app.callable, "app");
    assert_int_equal(config->workers, 5);
    assert_string_equal(config->venv, "/srv/venv");
    assert_string_equal(config->user, "www-data");
    assert_string_equal(config->group, "www-data");
    assert_int_equal(config->backlog, 128);
    assert_string_equal(config->pythonpath.items[0], "/srv");
    assert_int_equal(config->limit_request_body_bytes, 1048576);
    assert_int_equal(config->limit_request_head_bytes, 65535);
    assert_int_equal(config->threads, 2);
    parsed_fini(&parsed);
}

static void gunicorn_command_lines_work_as_they_stand(void **state)
{
    struct parsed parsed =
        parse_good(ARGV("-b", "0.0.0.0:80", "-w", "4", "-u", "app", "-g", "app", "-m", "007", "-p", "/run/app.pid",
                        "-e", "A=1", "--graceful-timeout", "60", "--keep-alive", "5", "--access-logfile", "-",
                        "--error-logfile", "-", "--log-level", "INFO", "--preload", "--need-app", "--worker-tmp-dir",
                        "/dev/shm", "--limit-request-line", "4094", "--threads", "2", "project.wsgi:application"),
                   NULL);

    (void)state;
    assert_string_equal(parsed.config->pid, "/run/app.pid");
    assert_int_equal(parsed.config->graceful_timeout_ms, 60000);
    assert_int_equal(parsed.config->keep_alive_ms, 5000);
    assert_int_equal(parsed.config->log_level, 1);
    assert_int_equal(parsed.config->umask, 7);
    assert_int_equal(parsed.config->threads, 2);
    parsed_fini(&parsed);
}

static void questions_need_no_application(void **state)
{
    struct parsed parsed = parse_good(ARGV("--help"), NULL);

    (void)state;
    assert_true(parsed.config->help);
    assert_int_equal(parsed.config->help_form, HELP_TEXT);
    parsed_fini(&parsed);
    parsed = parse_good(ARGV("--help=markdown"), NULL);
    assert_true(parsed.config->help && parsed.config->help_form == HELP_MARKDOWN);
    parsed_fini(&parsed);
    parsed = parse_good(ARGV("-v"), NULL);
    assert_true(parsed.config->version);
    parsed_fini(&parsed);
    parsed = parse_good(ARGV("-Vh"), NULL);
    assert_true(parsed.config->version && parsed.config->help);
    parsed_fini(&parsed);
    parsed = parse_good(ARGV("--print-config", "-w", "2"), NULL);
    assert_true(parsed.config->print_config);
    parsed_fini(&parsed);
}

static void help_wins_over_mistakes(void **state)
{
    struct parsed parsed =
        parse_good(ARGV("--bogus", "-w", "five", "--help", "a b"), ENVIRONMENT("CLUTCH_BACKLOG=x", "CLUTCH_NOTHING=1"));

    (void)state;
    assert_true(parsed.config->help);
    parsed_fini(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_reference),
        cmocka_unit_test(every_kind_of_value_is_read),
        cmocka_unit_test(one_value_can_be_written_in_many_ways),
        cmocka_unit_test(flags_can_be_switched_both_ways),
        cmocka_unit_test(lists_grow_in_order_under_all_their_names),
        cmocka_unit_test(dashes_and_numbers_are_values),
        cmocka_unit_test(bounds_are_inclusive),
        cmocka_unit_test(uwsgi_command_lines_work_as_they_stand),
        cmocka_unit_test(gunicorn_command_lines_work_as_they_stand),
        cmocka_unit_test(questions_need_no_application),
        cmocka_unit_test(help_wins_over_mistakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
