/* SPDX-License-Identifier: MIT
 * Configuration files: every option can be in one, files lose against all else, and each mistake has its line. */
#include "config_file_support.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "describe.h"
#include "option_samples.h"

static void every_option_can_be_in_a_file(void **state)
{
    (void)state;
    for (enum option_id id = 0; id < OPTIONS_COUNT; id++) {
        const struct option *option = &options_table[id];
        char text[300];
        struct parsed parsed;
        struct buf value;

        if (option->kind == KIND_ACTION || id == OPTION_config_files)
            continue;
        snprintf(text, sizeof text, "[clutch]\n%s = %s\n", option->name, sample_of(option));
        write_file("shop.ini", text);
        parsed = parse_good(ARGV("-c", "shop.ini", "app"), NULL);
        buf_init(&value);
        assert_int_equal(describe_value(&value, parsed.config, id), 0);
        if (!slice_equal(buf_slice(&value), slice_of_string(sample_of(option))))
            fail_msg("%s gave '%.*s'", text, (int)value.len, value.ptr);
        buf_fini(&value);
        parsed_fini(&parsed);
    }
}

static void values_are_what_stands_behind_the_sign(void **state)
{
    struct parsed parsed;

    (void)state;
    write_file("shop.ini", "\xEF\xBB\xBF; a comment\r\n# another\r\n\r\n  [clutch] \r\n"
                           "app=shop.wsgi:app\r\n"
                           "  workers\t=  3  \r\n"
                           "access-logformat = %(h)s \"%(r)s\" ; = # : %d $(HOME)\r\n"
                           "    preload = yes\n"
                           "processes: 4\n");
    parsed = parse(ARGV("--ini=shop.ini"), NULL);
    assert_string_equal(parsed.errors, "clutch: shop.ini:9: processes: it is set in line 6 already\n"
                                       "clutch: try 'clutch --help'\n");
    parsed_fini(&parsed);
    write_file("shop.ini", "[clutch]\napp=shop.wsgi:app\n"
                           "access-logformat = %(h)s \"%(r)s\" ; = # : %d $(HOME)\n"
                           "processes: 4");
    parsed = parse_good(ARGV("--ini=shop.ini"), NULL);
    assert_string_equal(parsed.config->app.callable, "app");
    assert_string_equal(parsed.config->access_logformat, "%(h)s \"%(r)s\" ; = # : %d $(HOME)");
    assert_int_equal(parsed.config->workers, 4);
    parsed_fini(&parsed);
}

static void files_lose_against_everything_but_defaults(void **state)
{
    char *values =
        print_file("[clutch]\napp = a\nbind = :1\nbind = :2\nworkers = 3\nthreads = 4\nbacklog = 5\n"
                   "pythonpath = /x:/y\n",
                   ARGV("-c", "shop.ini", "-w", "7", "--pythonpath", "/z"),
                   ENVIRONMENT("CLUTCH_WORKERS=8", "CLUTCH_THREADS=9", "CLUTCH_BIND=:7", "CLUTCH_APP=b"), "");

    (void)state;
    assert_value(values, "app", "b", "environment CLUTCH_APP");
    assert_value(values, "bind", ":7", "environment CLUTCH_BIND");
    assert_value(values, "workers", "7", "command line -w");
    assert_value(values, "threads", "9", "environment CLUTCH_THREADS");
    assert_value(values, "backlog", "5", "shop.ini:7");
    assert_value(values, "pythonpath", "/z", "command line --pythonpath");
    assert_value(values, "chdir", "(none)", "default");
    assert_value(values, "config", "shop.ini", "command line -c");
    free(values);
}

static void of_several_files_the_later_wins(void **state)
{
    char *values;

    (void)state;
    write_file("first.ini", "[clutch]\napp = first\nbind = :1\nbind = :2\nworkers = 3\nthreads = 4\n");
    values = print_file("[clutch]\napp = second\nbind = :3\nworkers = 5\n", ARGV("-c", "first.ini", "-c", "shop.ini"),
                        NULL, "");
    assert_value(values, "app", "second", "shop.ini:2");
    assert_value(values, "bind", ":3", "shop.ini:3");
    assert_value(values, "workers", "5", "shop.ini:4");
    assert_value(values, "threads", "4", "first.ini:6");
    assert_value(values, "config", "first.ini, shop.ini", "command line -c");
    free(values);
    values = print_file("[clutch]\napp = second\nbind = :3\nworkers = 5\n", ARGV("-c", "shop.ini"),
                        ENVIRONMENT("CLUTCH_CONFIG=first.ini"), "");
    assert_value(values, "threads", "1", "default"); /* one list replaces the other */
    free(values);
    values = print_file("[clutch]\napp = second\nbind = :3\nworkers = 5\n", ARGV("-w2"),
                        ENVIRONMENT("CLUTCH_CONFIG=shop.ini,first.ini"), "");
    assert_value(values, "app", "first", "first.ini:2");
    assert_value(values, "workers", "2", "command line -w");
    free(values);
}

static void mistakes_name_their_lines_all_at_once(void **state)
{
    (void)state;
    write_file("shop.ini", "threads = 2\n"
                           "[clutch]\n"
                           "wrokers = 3\n"
                           "workers = five\n"
                           "preload\n"
                           "threads = 2\n"
                           "threads = 3\n"
                           "config = more.ini\n"
                           "version = yes\n"
                           "socket = :3031\n"
                           "master = no\n"
                           "bind =\n"
                           "xyzzy = 1\n"
                           "app = a b\n"
                           "[clutch\n"
                           "bind = unread\n"
                           "[clutch]\n"
                           "keep-alive = 5x\n"
                           "[clutch] ; good\n"
                           "[clutch] threads = 2\n"
                           "[clutch]\rthreads = 2\r");
    assert_mistakes(
        ARGV("--config", "shop.ini", "-m9"), ENVIRONMENT("CLUTCH_BACKLOG=0"),
        "clutch: shop.ini:1: a setting before any section: the line [clutch] must stand above it\n"
        "clutch: shop.ini:5: neither a [section] nor name = value nor a comment\n"
        "clutch: shop.ini:15: a section's name ends with ']'\n"
        "clutch: shop.ini:20: behind the ']' of a section there is nothing but a comment\n"
        "clutch: shop.ini:21: behind the ']' of a section there is nothing but a comment\n"
        "clutch: shop.ini:3: wrokers: there is no such option: did you mean workers?\n"
        "clutch: shop.ini:4: workers: 'five' is not a whole number or auto (1 to 1024)\n"
        "clutch: shop.ini:7: threads: it is set in line 6 already\n"
        "clutch: shop.ini:8: config: a file cannot name another one: give --config for each\n"
        "clutch: shop.ini:9: version: it works on the command line only\n"
        "clutch: shop.ini:10: socket is not an option of clutch: the uwsgi protocol is not spoken; use --bind and let "
        "the proxy in front speak HTTP\n"
        "clutch: shop.ini:11: master: 'no' is not possible: there is always a master\n"
        "clutch: shop.ini:12: bind: the value is empty: ADDRESS is needed\n"
        "clutch: shop.ini:13: xyzzy: there is no such option\n"
        "clutch: shop.ini:14: app: 'a b' names no module (words of letters, digits and _, parted by dots) and no .py "
        "file\n"
        "clutch: shop.ini:18: keep-alive: '5x' is not a time such as 500ms, 10s, 2m or 1h (0 to 24h)\n"
        "clutch: CLUTCH_BACKLOG: '0' is too small: it must be a whole number (1 to 65535)\n"
        "clutch: -m (--umask): '9' is not an octal number (0 to 777)\n");
}

static void a_file_has_a_bound(void **state)
{
    static char text[300000] = "[uwsgi]\nmodule = a\n";
    size_t len = strlen(text);

    (void)state;
    for (int i = 0; i < 10010; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "set = a%d=1\n", i);
    write_file("shop.ini", text);
    assert_mistakes(ARGV("-c", "shop.ini"), NULL,
                    "clutch: shop.ini:10002: too many settings: a configuration file has 10000 at the most\n");
}

static void mistakes_across_options_name_their_lines(void **state)
{
    (void)state;
    write_file("shop.ini", "[clutch]\napp = a:b\ncallable = c\nchdir = nowhere\nenv = X\nlimit-request-line = 64k\n"
                           "forwarded-allow-ips = x\n");
    assert_mistakes(ARGV("-c", "shop.ini"), NULL,
                    "clutch: shop.ini:3: callable: 'c' is not the callable that 'a:b' (shop.ini:2: app) names\n"
                    "clutch: shop.ini:4: chdir: 'nowhere' does not exist: an existing directory is needed\n"
                    "clutch: shop.ini:5: env: 'X' is not of the form NAME=VALUE\n"
                    "clutch: shop.ini:7: forwarded-allow-ips: 'x' is neither an IP address nor a network (such as "
                    "10.0.0.0/8 or 2001:db8::/32), nor unix, * or none\n"
                    "clutch: shop.ini:6: limit-request-line: 64k is more than --limit-request-head (32k), which counts "
                    "the request line as well\n");
}

static void what_is_no_ini_file_is_told(void **state)
{
    static const char nul[] = "[clutch]\nworkers = 3\0\n";
    char *text = malloc(20100);

    (void)state;
    assert_mistakes(ARGV("-c", "none.ini", "app"), NULL,
                    "clutch: -c: 'none.ini' does not exist: an ini file is needed\n");
    assert_mistakes(ARGV("app"), ENVIRONMENT("CLUTCH_CONFIG=/"),
                    "clutch: CLUTCH_CONFIG: '/' is a directory: an ini file is needed\n");
    assert_mistakes(ARGV("-c", "/dev/null", "app"), NULL,
                    "clutch: -c: '/dev/null' is no file: an ini file is needed\n");
    write_file("shop.ini", "");
    assert_mistakes(ARGV("-c", "shop.ini", "app"), NULL,
                    "clutch: shop.ini: it has no section [clutch], and no [uwsgi]\n");
    write_bytes("shop.ini", nul, sizeof nul - 1);
    assert_mistakes(ARGV("-c", "shop.ini", "app"), NULL, "clutch: shop.ini:2: a NUL byte in a line\n");
    assert_non_null(text);
    memset(text, 'x', 20000);
    memcpy(text, "[clutch]\napp=", 13);
    strcpy(text + 20000, "\nthreads = 3\n");
    write_file("shop.ini", text);
    assert_mistakes(ARGV("-c", "shop.ini", "app"), NULL,
                    "clutch: shop.ini:2: the line is too long: 16382 bytes are the most\n");
    free(text);
}

static void a_large_file_is_refused(void **state)
{
    int fd = open("shop.ini", O_WRONLY | O_CREAT | O_TRUNC, 0600);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (1 << 20) + 1), 0);
    close(fd);
    assert_mistakes(ARGV("-c", "shop.ini", "app"), NULL,
                    "clutch: -c: 'shop.ini' is too large: a configuration file has 1m at the most\n");
}

static void other_sections_are_passed_over(void **state)
{
    char *values =
        print_file("[app:main]\nuse = egg:shop\nkeys =\n  one\n  two\n[clutch]\napp = a\n[loggers]\nworkers = 3\n",
                   ARGV("-c", "shop.ini"), NULL,
                   "clutch: warning: shop.ini: only [clutch] and [uwsgi] are read, not [app:main] (line 1), "
                   "[loggers] (line 8)\n");

    (void)state;
    assert_value(values, "app", "a", "shop.ini:7");
    free(values);
}

static void help_needs_no_file(void **state)
{
    struct parsed parsed = parse_good(ARGV("-c", "none.ini", "--help"), NULL);

    (void)state;
    assert_true(parsed.config->help);
    parsed_fini(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_can_be_in_a_file),
        cmocka_unit_test(values_are_what_stands_behind_the_sign),
        cmocka_unit_test(files_lose_against_everything_but_defaults),
        cmocka_unit_test(of_several_files_the_later_wins),
        cmocka_unit_test(mistakes_name_their_lines_all_at_once),
        cmocka_unit_test(a_file_has_a_bound),
        cmocka_unit_test(mistakes_across_options_name_their_lines),
        cmocka_unit_test(what_is_no_ini_file_is_told),
        cmocka_unit_test(a_large_file_is_refused),
        cmocka_unit_test(other_sections_are_passed_over),
        cmocka_unit_test(help_needs_no_file),
    };

    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
