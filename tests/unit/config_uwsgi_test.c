/* SPDX-License-Identifier: MIT
 * The section [uwsgi] of a configuration file: what clutch knows of it is done, the rest is told and stops nothing. */
#include "config_file_support.h"

#include "counterparts.h"
#include "suggest.h"

static void an_ini_file_of_uwsgi_is_understood(void **state)
{
    char *values = print_file("[uwsgi]\n"
                              "strict = true\n"
                              "http-socket = :8080\n"
                              "module = shop.wsgi\n"
                              "callable = app\n"
                              "master = true\n"
                              "processes = 4\n"
                              "threads = 2\n"
                              "http-headers-timeout = 7\n"
                              "buffer-size = 65535\n"
                              "die-on-term = 1\n"
                              "vacuum = true\n"
                              "plugins = python3\n"
                              "processes = 5\n",
                              ARGV("-c", "shop.ini"), NULL, "");

    (void)state;
    assert_value(values, "app", "shop.wsgi", "shop.ini:4");
    assert_value(values, "callable", "app", "shop.ini:5");
    assert_value(values, "bind", ":8080", "shop.ini:3");
    assert_value(values, "workers", "5", "shop.ini:14"); /* the last one, as with uWSGI */
    assert_value(values, "threads", "2", "shop.ini:8");
    assert_value(values, "head-timeout", "7s", "shop.ini:9");
    assert_value(values, "limit-request-head", "65535", "shop.ini:10");
    free(values);
}

static void what_is_not_known_is_told_in_one_line(void **state)
{
    char *values = print_file("[uwsgi]\nmodule = a\nsocket = :3031\nlog-format = %(addr)\nxyzzy = 1\nlazy-apps = no\n",
                              ARGV("-c", "shop.ini"), NULL,
                              "clutch: warning: shop.ini:6: lazy-apps: 'no' is not possible: the application is loaded "
                              "in each worker unless --preload is given\n"
                              "clutch: warning: shop.ini: not used: socket (line 3), log-format (line 4), xyzzy (line "
                              "5): `clutch import-config` says why\n");

    (void)state;
    assert_value(values, "app", "a", "shop.ini:2");
    free(values);
}

static void wrong_values_and_conditions_stop_the_start(void **state)
{
    (void)state;
    write_file("shop.ini", "[uwsgi]\nmodule = a\nwsgi-file = b.py\nprocesses = many\nif-env = X\nthreads = 3\nendif =\n"
                           "ini = other.ini\nhelp = true\n");
    assert_mistakes(ARGV("-c", "shop.ini"), NULL,
                    "clutch: the application is named twice: 'a' (shop.ini:2: module) and 'b.py' (shop.ini:3: "
                    "wsgi-file)\n"
                    "clutch: shop.ini:4: processes: 'many' is not a whole number or auto (1 to 1024)\n"
                    "clutch: shop.ini:5: if-env: conditions and loops of uWSGI are not understood\n"
                    "clutch: shop.ini:7: endif: conditions and loops of uWSGI are not understood\n"
                    "clutch: shop.ini:8: ini: a file cannot name another one: give --config for each\n"
                    "clutch: shop.ini:9: help: it works on the command line only\n");
}

static void our_section_wins_wherever_it_stands(void **state)
{
    char *values = print_file("[clutch]\napp = ours\nbind = :1\n[uwsgi]\nmodule = theirs\nhttp = :2\nprocesses = 4\n",
                              ARGV("-c", "shop.ini"), NULL, "");

    (void)state;
    assert_value(values, "app", "ours", "shop.ini:2");
    assert_value(values, "bind", ":1", "shop.ini:3");
    assert_value(values, "workers", "4", "shop.ini:7");
    free(values);
}

static void placeholders_are_replaced(void **state)
{
    char *values, expected[300];

    (void)state;
    values = print_file("[uwsgi]\n"
                        "base = /srv\n"
                        "set-placeholder = name=shop\n"
                        "module = app\n"
                        "venv = %(base)/%(name)\n"
                        "pidfile = %d%n.%e\n"
                        "logto = %v/%s-$(WHO)\n"
                        "env = P=%p\n"
                        "env = REST=%% %(none) %y $ % $(\n"
                        "env = LAST=%",
                        ARGV("-c", "./shop.ini"), ENVIRONMENT("WHOLE=no", "WHO=me"),
                        "clutch: warning: ./shop.ini:9: env: the placeholder %y is not known here and stays as it "
                        "is\n");
    assert_value(values, "venv", "/srv/shop", "./shop.ini:5");
    snprintf(expected, sizeof expected, "%s/shop.ini", file_directory);
    assert_value(values, "pid", expected, "./shop.ini:6");
    snprintf(expected, sizeof expected, "%s/shop.ini-me", file_directory);
    assert_value(values, "error-logfile", expected, "./shop.ini:7");
    snprintf(expected, sizeof expected, "P=%s/shop.ini, REST=%% %%(none) %%y $ %% $(, LAST=%%", file_directory);
    assert_value(values, "env", expected, "./shop.ini:10");
    free(values);
}

static void contents_of_other_files_are_not_read(void **state)
{
    char *values = print_file(
        "[uwsgi]\nmodule = app\nenv = KEY=@(/run/key)\n[clutch]\nchdir = .\nbind = unix:@(x)\n", ARGV("-c", "shop.ini"),
        NULL, "clutch: warning: shop.ini:3: env: what @(...) names is not read here: it stays as it is\n");

    (void)state;
    assert_value(values, "env", "KEY=@(/run/key)", "shop.ini:3");
    assert_value(values, "bind", "unix:@(x)", "shop.ini:6");
    free(values);
}

static void placeholders_tell_of_the_machine(void **state)
{
    char *values, expected[700], host[300] = "";

    (void)state;
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    values = print_file("[uwsgi]\nmodule = a\nenv = C=%c-%x-%h\nenv = A=%u.%g\nenv = B=%U:%G\npidfile = 100%%d\n",
                        ARGV("-c", "shop.ini"), NULL, "");
    snprintf(expected, sizeof expected, "%s-uwsgi-%s", strrchr(file_directory, '/') + 1, host);
    assert_non_null(strstr(values, expected));
    snprintf(expected, sizeof expected, "A=%u.%u, B=", (unsigned)getuid(), (unsigned)getgid());
    assert_non_null(strstr(values, expected));
    assert_null(strstr(values, "%U"));
    assert_value(values, "pid", "100%d", "shop.ini:6");
    free(values);
}

/* uWSGI reads the digits of a number, and takes an address without a colon for the path of a socket. */
static void values_are_understood_as_there(void **state)
{
    char *values = print_file("[uwsgi]\nmodule = a\nprocesses = 128   ; at most\nreload-on-rss = 512 # megabytes\n"
                              "harakiri = 60\t; s\numask = 022 ;\nhttp-socket = /run/%n.sock\nhttp = :80\n"
                              "env = A=1 ; 2\n",
                              ARGV("-c", "shop.ini"), NULL, "");

    (void)state;
    assert_value(values, "workers", "128", "shop.ini:3");
    assert_value(values, "max-worker-rss", "512m", "shop.ini:4");
    assert_value(values, "request-timeout", "1m", "shop.ini:5");
    assert_value(values, "umask", "022", "shop.ini:6");
    assert_value(values, "bind", "unix:/run/shop.sock, :80", "shop.ini:8");
    assert_value(values, "env", "A=1 ; 2", "shop.ini:9");
    free(values);
    values = print_file("[uwsgi]\nmodule = a\npost-buffering = 0 ; off\n", ARGV("-c", "shop.ini"), NULL,
                        "clutch: warning: shop.ini: not used: post-buffering (line 3): `clutch import-config` says "
                        "why\n");
    assert_value(values, "body-memory", "1m", "default");
    free(values);
    write_file("shop.ini", "[uwsgi]\nmodule = a\nprocesses = 128;x\nthreads = 2 3\n");
    assert_mistakes(ARGV("-c", "shop.ini"), NULL,
                    "clutch: shop.ini:3: processes: '128;x' is not a whole number or auto (1 to 1024)\n"
                    "clutch: shop.ini:4: threads: '2 3' is not a whole number (1 to 1024)\n");
}

static void a_socket_may_speak_http(void **state)
{
    char *values = print_file("[uwsgi]\nsocket = 0.0.0.0:5000\nprotocol = http\nmodule = a\nsocket = x.sock\n",
                              ARGV("-c", "shop.ini"), NULL, "");

    (void)state;
    assert_value(values, "bind", "0.0.0.0:5000, unix:x.sock", "shop.ini:5");
    free(values);
    values = print_file("[uwsgi]\nsocket = :1\nprotocol = scgi\nmodule = a\n", ARGV("-c", "shop.ini"), NULL,
                        "clutch: warning: shop.ini: not used: socket (line 2), protocol (line 3): `clutch "
                        "import-config` says why\n");
    free(values);
}

static void a_flag_may_stand_alone(void **state)
{
    char *values = print_file("[uwsgi]\nmodule = a\nmaster\nno-orphans\nhealth-path\n", ARGV("-c", "shop.ini"), NULL,
                              "clutch: warning: shop.ini: not used: no-orphans (line 4): `clutch import-config` says "
                              "why\n");

    (void)state;
    assert_value(values, "health-path", "yes", "shop.ini:5");
    free(values);
    write_file("shop.ini", "[uwsgi]\nmodule = a\nprocesses\nno option\n");
    assert_mistakes(ARGV("-c", "shop.ini"), NULL,
                    "clutch: shop.ini:4: neither a [section] nor name = value nor a comment\n"
                    "clutch: shop.ini:3: processes: 'true' is not a whole number or auto (1 to 1024)\n");
}

static void chmod_socket_alone_is_for_all(void **state)
{
    static const char *const settings[] = {"chmod-socket", "chmod-socket = 1", "chmod-socket = true"};
    char text[100];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++) {
        char *values;

        snprintf(text, sizeof text, "[uwsgi]\nmodule = a\n%s\n", settings[i]);
        values = print_file(text, ARGV("-c", "shop.ini"), NULL, "");
        assert_value(values, "chmod-socket", "0666", "shop.ini:3");
        free(values);
    }
}

static void mistakes_name_the_setting_that_they_are_in(void **state)
{
    (void)state;
    write_file("shop.ini", "[uwsgi]\nwsgi-file = /none/shop.py\nprocesses = $(NOT_SET)\n");
    assert_mistakes(ARGV("-c", "shop.ini"), NULL,
                    "clutch: shop.ini:3: processes: $(NOT_SET) is not set in the environment\n"
                    "clutch: shop.ini:2: wsgi-file: the file '/none/shop.py' does not exist in the file system\n");
}

static void a_placeholder_can_fail(void **state)
{
    char text[4096] = "[uwsgi]\nx0 = 0123456789\n";

    (void)state;
    for (int i = 1; i < 20; i++) {
        size_t len = strlen(text);

        snprintf(text + len, sizeof text - len, "x%d = %%(x%d)%%(x%d)%%(x%d)\n", i, i - 1, i - 1, i - 1);
    }
    strcat(text, "module = $(NOT_SET_ANYWHERE)\n");
    write_file("shop.ini", text);
    assert_mistakes(ARGV("-c", "shop.ini"), NULL,
                    "clutch: shop.ini:9: x7: with its placeholders replaced the value is too long\n"
                    "clutch: shop.ini:22: module: $(NOT_SET_ANYWHERE) is not set in the environment\n"
                    "clutch: warning: shop.ini: not used: x19 (line 21): `clutch import-config` says why\n");
}

static void check_rows(const struct counterpart_row *rows)
{
    for (const struct counterpart_row *row = rows; row->name != NULL; row++) {
        for (const struct counterpart_row *other = rows; other < row; other++)
            assert_string_not_equal(other->name, row->name);
        assert_true(row->option != NULL || row->why != NULL);
        if (row->why == NULL && options_find_long(slice_of_string(row->option)) == NULL &&
            suggest_find_foreign(slice_of_string(row->option)) == NULL)
            fail_msg("%s: there is no option %s", row->name, row->option);
    }
}

static void tables_name_real_options_once(void **state)
{
    struct counterpart found;

    (void)state;
    check_rows(counterparts_uwsgi);
    check_rows(counterparts_gunicorn);
    assert_false(counterparts_of_gunicorn(SLICE("my_own"), &found));
    assert_true(counterparts_of_gunicorn(SLICE("keepalive"), &found));
    assert_int_equal(found.name->id, OPTION_keep_alive_ms);
}

/* uWSGI counts memory in megabytes where clutch takes a bare number for bytes. */
static void bare_numbers_get_their_unit(void **state)
{
    const struct counterpart plain = {.is_uwsgi = false}, megabytes = {.unit = "m", .is_uwsgi = true};
    static const char *const kept[] = {"", "200k", "x", "-1", "12345678901234567890123456789"};

    (void)state;
    assert_string_equal(counterparts_value(&plain, "200").text, "200");
    assert_null(counterparts_value(&megabytes, "200").text);
    assert_string_equal(counterparts_value(&megabytes, "200").copy, "200m");
    for (size_t i = 0; i < ARRAY_COUNT(kept); i++)
        assert_string_equal(counterparts_value(&megabytes, kept[i]).text, kept[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ini_file_of_uwsgi_is_understood),
        cmocka_unit_test(what_is_not_known_is_told_in_one_line),
        cmocka_unit_test(wrong_values_and_conditions_stop_the_start),
        cmocka_unit_test(our_section_wins_wherever_it_stands),
        cmocka_unit_test(placeholders_are_replaced),
        cmocka_unit_test(contents_of_other_files_are_not_read),
        cmocka_unit_test(placeholders_tell_of_the_machine),
        cmocka_unit_test(values_are_understood_as_there),
        cmocka_unit_test(a_socket_may_speak_http),
        cmocka_unit_test(a_flag_may_stand_alone),
        cmocka_unit_test(chmod_socket_alone_is_for_all),
        cmocka_unit_test(mistakes_name_the_setting_that_they_are_in),
        cmocka_unit_test(a_placeholder_can_fail),
        cmocka_unit_test(tables_name_real_options_once),
        cmocka_unit_test(bare_numbers_get_their_unit),
    };

    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
